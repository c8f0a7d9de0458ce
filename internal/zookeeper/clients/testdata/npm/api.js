'use strict';

// Goes through node-zookeeper-client's API and prints what comes of each call: a line
// "name: outcome". Whatever differs from server to server and from time to time is kept
// out of the outcome: zxids, times, session ids and the order of children.
//
//   node api.js HOST:PORT

const { Client, zookeeper } = require('./client');
const { ACL, CreateMode, Exception, Id, Permission } = zookeeper;

const addr = process.argv[2];
const wait = 15000;

async function check(name, call) {
  try {
    console.log(`${name}: ${shown(await call())}`);
  } catch (error) {
    console.log(`${name}: fails with ${error instanceof Exception ? error.getName() : error.name}`);
  }
}

function shown(x) {
  if (Array.isArray(x)) {
    return `[${x.map(shown).join(', ')}]`;
  } else if (Buffer.isBuffer(x)) {
    return `'${x}'`;
  } else if (x instanceof ACL) {
    return `${x.permission} ${x.id.scheme}:${x.id.id}`;
  } else if (x && x.czxid) {
    const same = other => Buffer.compare(x.czxid, other) === 0;
    return `stat(version ${x.version}, cversion ${x.cversion}, aversion ${x.aversion}, ${x.dataLength} bytes, ${x.numChildren} children, ` +
      `${x.ephemeralOwner.some(b => b !== 0) ? 'ephemeral' : 'persistent'}, ${same(x.mzxid) ? 'as created' : 'changed'}, ` +
      `${same(x.pzxid) ? 'children as created' : 'children changed'})`;
  } else if (x instanceof zookeeper.Event) {
    return x.toString();
  } else if (x && x.type !== undefined) { // a result of a transaction
    return `${x.type} ${x.path || x.err || ''}${x.stat ? shown(x.stat) : ''}`;
  }
  return String(x);
}

// Events takes what a watcher is called with, to be looked at later.
class Events {
  constructor() {
    this.come = [];
    this.waiting = [];
    this.add = event => this.waiting.length > 0 ? this.waiting.shift()(event) : this.come.push(event);
  }

  next() {
    if (this.come.length > 0) {
      return this.come.shift();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), wait);
      this.waiting.push(event => {
        clearTimeout(timer);
        resolve(event);
      });
    });
  }
}

const b = s => Buffer.from(s);
const sorted = ([names, stat]) => [names.sort(), stat];

async function nodes(zk) {
  const create = (...args) => () => zk.call('create', ...args);
  await check('create', create('/api', b('one')));
  await check('create again', create('/api', b('one')));
  await check('create without a parent', create('/none/x'));
  await check('create ephemeral', create('/api/e', CreateMode.EPHEMERAL));
  await check('create below it', create('/api/e/x'));
  await check('create sequential', create('/api/s-', CreateMode.PERSISTENT_SEQUENTIAL));
  await check('create sequential ephemeral', create('/api/s-', b('x'), CreateMode.EPHEMERAL_SEQUENTIAL));
  await check('create beyond ASCII', create('/api/ü文', b('ü文')));
  await check('make parents', () => zk.call('mkdirp', '/api/a/b/c', b('deep')));
  await check('exists', () => zk.call('exists', '/api'));
  await check('exists not', () => zk.call('exists', '/none'));
  await check('get', () => zk.call('getData', '/api'));
  await check('get beyond ASCII', () => zk.call('getData', '/api/ü文'));
  await check('get none', () => zk.call('getData', '/none'));
  await check('set', () => zk.call('setData', '/api', b('two')));
  await check('set at a version', () => zk.call('setData', '/api', b('three'), 1));
  await check('set at a wrong version', () => zk.call('setData', '/api', b('four'), 1));
  await check('children', async () => sorted(await zk.call('getChildren', '/api')));
  await check('children of none', () => zk.call('getChildren', '/none'));
  await check('all below', async () => (await zk.call('listSubTreeBFS', '/api')).sort());
  await check('remove with children', () => zk.call('remove', '/api'));
  await check('remove at a wrong version', () => zk.call('remove', '/api/a/b/c', 7));
  await check('remove', () => zk.call('remove', '/api/a/b/c', 0));
  await check('remove again', () => zk.call('remove', '/api/a/b/c'));
  await check('remove with all below', () => zk.call('removeRecursive', '/api/a'));
  await check('a big one', async () => (await zk.call('create', '/api/big', Buffer.alloc(1 << 19, 'x'))) && (await zk.call('getData', '/api/big'))[0].length);
}

async function transactions(zk) {
  await check('transaction', () => zk.transaction(t => t.create('/t', b('0')).create('/t/s-', CreateMode.PERSISTENT_SEQUENTIAL)
    .setData('/t', b('1')).check('/t', 1).remove('/t/s-0000000000')));
  await check('transaction, broken', () => zk.transaction(t => t.setData('/t', b('2')).check('/t', 9).remove('/t')).catch(e => [e.getName(), ...e.results]));
  await check('nothing of it is there', () => zk.call('getData', '/t'));
}

async function acls(zk) {
  await check('acl, open', () => zk.call('create', '/acl', ACL.OPEN_ACL_UNSAFE));
  await check('acl, get', () => zk.call('getACL', '/acl'));
  await check('acl, creator not authenticated', () => zk.call('create', '/acl/mine', ACL.CREATOR_ALL_ACL));
  const owner = await new Client(addr).connect();
  owner.zk.addAuthInfo('digest', b('u:p'));
  await check('acl, creator', () => owner.call('create', '/acl/mine', b('m'), ACL.CREATOR_ALL_ACL));
  await check('acl, owner', () => owner.call('getData', '/acl/mine'));
  await check('acl, stranger', () => zk.call('getData', '/acl/mine'));
  await check('acl, set', () => owner.call('setACL', '/acl/mine', [new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE), new ACL(Permission.ALL, Id.AUTH_IDS)], 0));
  await check('acl, set at a wrong version', () => owner.call('setACL', '/acl/mine', ACL.OPEN_ACL_UNSAFE, 0));
  await check('acl, owner sees', () => owner.call('getACL', '/acl/mine'));
  await check('acl, stranger now', () => zk.call('getData', '/acl/mine'));
  await check('acl, stranger writes', () => zk.call('setData', '/acl/mine', b('n')));
  await owner.close();
}

async function watches(zk) {
  const events = new Events();
  await check('watch, exists', () => zk.call('exists', '/w', events.add));
  await zk.call('create', '/w');
  await check('watch, created', () => events.next());
  await zk.call('getData', '/w', events.add);
  await zk.call('setData', '/w', b('x'));
  await check('watch, changed', () => events.next());
  await zk.call('getChildren', '/w', events.add);
  await zk.call('create', '/w/a');
  await check('watch, children', () => events.next());
  await zk.call('remove', '/w/a');
  await zk.call('exists', '/w', events.add);
  await zk.call('remove', '/w');
  await check('watch, deleted', () => events.next());
  await zk.call('create', '/w');
  await check('watch, once', () => events.come.length);
}

async function sessions(zk) {
  const a = await new Client(addr, { sessionTimeout: 3000 }).connect();
  const gone = new Events();
  await check('session, timeout', () => a.zk.getSessionTimeout());
  await a.call('create', '/session', CreateMode.EPHEMERAL);
  await check('session, owner', async () => Buffer.compare((await zk.call('exists', '/session', gone.add)).ephemeralOwner, a.zk.getSessionId()) === 0);
  await a.close();
  await check('session, closing deletes ephemerals', () => gone.next());
  await check('session, in order', async () => {
    const calls = [zk.call('create', '/pipe')];
    for (let i = 0; i < 50; i++) {
      calls.push(zk.call('setData', '/pipe', b(String(i)), i));
    }
    const stats = await Promise.all(calls);
    return stats[50];
  });
  await zk.call('create', '/chroot');
  const root = await new Client(`${addr}/chroot`).connect();
  await check('session, chroot', async () => [await root.call('create', '/x'), (await zk.call('getChildren', '/chroot'))[0]]);
  await root.close();
}

async function main() {
  const zk = await new Client(addr).connect();
  for (const part of [nodes, transactions, acls, watches, sessions]) {
    await part(zk);
  }
  await zk.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
