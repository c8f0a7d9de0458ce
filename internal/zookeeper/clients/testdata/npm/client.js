'use strict';

// node-zookeeper-client with promises in place of callbacks, for the programs beside
// this file.

const zookeeper = require('node-zookeeper-client');

// A client whose calls return promises; on is for its states.
class Client {
  constructor(hosts, options) {
    this.zk = zookeeper.createClient(hosts, { sessionTimeout: 10000, spinDelay: 100, retries: 0, ...options });
  }

  async connect() {
    const connected = new Promise(resolve => this.zk.once('connected', resolve));
    this.zk.connect();
    await connected;
    return this;
  }

  // call calls a method by name and resolves to what it hands to its callback: one
  // value, or a list of several.
  call(method, ...args) {
    return new Promise((resolve, reject) => {
      this.zk[method](...args, (error, ...results) => error ? reject(error) : resolve(results.length > 1 ? results : results[0]));
    });
  }

  transaction(fill) {
    const t = this.zk.transaction();
    fill(t);
    return new Promise((resolve, reject) => t.commit((error, results) => error ? reject(Object.assign(error, { results })) : resolve(results)));
  }

  close() {
    const closed = new Promise(resolve => this.zk.once('disconnected', resolve));
    this.zk.close();
    return closed;
  }
}

module.exports = { Client, zookeeper };
