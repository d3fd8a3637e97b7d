// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A Node server whose loop is blocked as standard input says, watched by one tool: `node_host.js none|delay|blocked-at`.
//
// Commands and what it tells are those of detection-host (Tests/Packages/Corpus/Sources/detection-host/Session.swift).

'use strict';
const fs = require('node:fs');
const http = require('node:http');
const readline = require('node:readline');
const { Worker } = require('node:worker_threads');
const { monitorEventLoopDelay } = require('node:perf_hooks');

const THRESHOLD_MS = 50;
const NOTEWORTHY = 0.03;
const READING_MS = 100;

// The clock that process.hrtime reads is CLOCK_MONOTONIC (libuv, uv_hrtime).
const now = () => Number(process.hrtime.bigint()) / 1e9;
const tell = (line) => fs.writeSync(1, `${line}\n`);
const told = (what, identifier, kind, began, ended) =>
  tell(`${what} ${identifier} ${kind} ${began.toFixed(9)} ${ended.toFixed(9)}`);
const report = (fields) => tell(`REPORT ${JSON.stringify({ at: now(), kind: 'stall', ...fields })}`);

const tools = {
  none() {},
  // A histogram that has no reports: its highest value is read, and the histogram reset, ten times a second.
  delay() {
    const histogram = monitorEventLoopDelay({ resolution: 10 });
    histogram.enable();
    let since = now();
    // After the timers of an iteration, so that the histogram's own has run.
    setInterval(() => setImmediate(() => {
      const highest = histogram.max / 1e6;
      histogram.reset();
      if (highest >= THRESHOLD_MS) report({ state: 'after', duration: highest / 1e3, since });
      since = now();
    }), READING_MS);
  },
  'blocked-at'() {
    const blocked = require(process.env.BLOCKED_AT || 'blocked-at');
    blocked((milliseconds) => report({ state: 'after', duration: milliseconds / 1e3 }), { threshold: THRESHOLD_MS });
  },
};

// Another thread, that frees what is waited for.
const cell = new Int32Array(new SharedArrayBuffer(4));
const helper = new Worker(
  `const { parentPort, workerData } = require('node:worker_threads');
   const cell = new Int32Array(workerData);
   parentPort.on('message', (seconds) => {
     while (Atomics.load(cell, 0) === 0);
     Atomics.wait(cell, 0, 1, seconds * 1000);
     Atomics.store(cell, 0, 2);
     Atomics.notify(cell, 0);
   });`,
  { eval: true, workerData: cell.buffer },
);
helper.unref();

function waitForLock(seconds) {
  Atomics.store(cell, 0, 0);
  helper.postMessage(seconds);
  const began = now();
  Atomics.store(cell, 0, 1);
  while (Atomics.load(cell, 0) !== 2) Atomics.wait(cell, 0, 1);
  return [began, now()];
}

function waitForSignal(seconds) {
  const began = now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
  return [began, now()];
}

function crunchNumbers(seconds) {
  const began = now();
  let total = 0;
  while (now() < began + seconds) for (let i = 0; i < 200; i += 1) total += i;
  return [began, now()];
}

const ways = { sleep: waitForSignal, cpu: crunchNumbers, lock: waitForLock };

function block(identifier, kind, seconds) {
  setImmediate(function handleRequest() {
    const [began, ended] = ways[kind](Number(seconds));
    told('BLOCK', identifier, kind, began, ended);
    tell(`DONE ${identifier}`);
  });
}

function flood(identifier, kind, seconds, count) {
  const began = now();
  let done = 0;
  const job = () => {
    const [, ended] = ways[kind](Number(seconds));
    done += 1;
    if (done < Number(count)) return;
    told('FLOOD', identifier, kind, began, ended);
    tell(`DONE ${identifier}`);
  };
  for (let i = 0; i < Number(count); i += 1) setImmediate(job);
}

function pulse(identifier, seconds, period, work) {
  const end = now() + Number(seconds);
  let due = now() + Number(period);
  const job = () => {
    const [began, ended] = crunchNumbers(Number(work));
    if (ended - began >= NOTEWORTHY) told('BLOCK', identifier, 'pulse', began, ended);
    if (began - due >= NOTEWORTHY) told('LATE', identifier, 'pulse', due, began);
    if (ended >= end) {
      tell(`DONE ${identifier}`);
      return;
    }
    due = now() + Number(period);
    setTimeout(job, Number(period) * 1000);
  };
  setTimeout(job, Number(period) * 1000);
}

const commands = { block, flood, pulse };
const server = http.createServer((request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => tell(`PORT ${server.address().port}`));
tools[process.argv[2] || 'none']();
setTimeout(() => {
  tell('READY');
  const input = readline.createInterface({ input: process.stdin });
  input.on('line', (line) => {
    const [what, ...rest] = line.split(' ');
    commands[what](...rest);
  });
  input.on('close', () => process.exit(0));
}, 1500);
