'use strict';

// Counts by node-zookeeper-client while members of the ensemble are killed, until
// standard input ends. Then it prints what it knows to have been done, for
// killed_test.go to look for.
//
//   node workload.js HOSTS ROOT

const { Client, zookeeper } = require('./client');
const { CreateMode, Exception } = zookeeper;

const [hosts, root] = process.argv.slice(2);
const workers = 3;
let over = false;

// A worker is one client. It connects again by itself; with its retries a call is made
// again when the connection was lost, so that what was done may be found done already.
class Worker {
  constructor(number) {
    this.own = `${root}/own-${number}`;
    this.seq = `${root}/seq-${number}`;
    this.counted = this.sequential = this.doubts = 0;
    this.client = new Client(hosts, { sessionTimeout: 20000, retries: 1000 });
    this.once = new Client(hosts, { sessionTimeout: 20000 }); // for what must not be tried again blindly
  }

  async prepare() {
    await Promise.all([this.client.connect(), this.once.connect()]);
    for (const [path, data] of [[root, ''], [this.seq, ''], [this.own, '0']]) {
      await this.made(path, data);
    }
  }

  // made makes a znode that nobody else makes; it may have been there the time before.
  async made(path, data) {
    await this.client.call('create', path, Buffer.from(data)).catch(error => {
      if (error.getCode() !== Exception.NODE_EXISTS) {
        throw error;
      }
    });
  }

  // count counts in the worker's own znode, and leaves another one behind for each time.
  async count() {
    const want = String(this.counted + 1);
    await this.client.call('setData', this.own, Buffer.from(want), this.counted).catch(async error => {
      this.doubts++;
      const [data, stat] = await this.client.call('getData', this.own);
      if (error.getCode() !== Exception.BAD_VERSION || stat.version !== this.counted + 1 || String(data) !== want) {
        throw new Error(`${this.own}: ${error}, and has '${data}' at version ${stat.version}`);
      }
    });
    this.counted++;
    await this.made(`${this.own}/${want}`, '');
  }

  // sequence makes one sequential znode, exactly.
  async sequence() {
    const name = `${this.sequential + 1}-`;
    try {
      await this.once.call('create', `${this.seq}/${name}`, CreateMode.PERSISTENT_SEQUENTIAL);
    } catch (error) {
      if (error.getCode() !== Exception.CONNECTION_LOSS) {
        throw error;
      }
      this.doubts++;
      const names = await this.patiently('getChildren', this.seq);
      if (!names[0].some(n => n.startsWith(name))) {
        return; // it came to nothing
      }
    }
    this.sequential++;
  }

  // patiently reads by the client that does not try again, until it is answered: what it
  // sent before is done by then, or never will be.
  async patiently(...args) {
    for (;;) {
      try {
        return await this.once.call(...args);
      } catch (error) {
        if (error.getCode() !== Exception.CONNECTION_LOSS) {
          throw error;
        }
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }
  }

  async work() {
    await this.prepare();
    while (!over) {
      await this.count();
      await this.sequence();
    }
  }
}

async function main() {
  process.stdin.resume();
  process.stdin.on('end', () => { over = true; });
  const all = Array.from({ length: workers }, (_, i) => new Worker(i));
  const outcomes = await Promise.allSettled(all.map(w => w.work()));
  for (const w of all) {
    console.log(`set ${w.own} ${w.counted}`);
    console.log(`sequential ${w.seq} ${w.sequential}`);
  }
  console.log(`doubts ${all.reduce((sum, w) => sum + w.doubts, 0)}`);
  const failed = outcomes.filter(o => o.status === 'rejected');
  failed.forEach(o => console.error(o.reason));
  process.exit(failed.length > 0 ? 1 : 0);
}

main();
