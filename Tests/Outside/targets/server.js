// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A Node server whose handlers block the event loop in the ways that services do. Each block tells its true length: a
// line `BLOCK kind began ended` on standard output, in seconds of the monotonic clock.

'use strict';
const { execSync } = require('node:child_process');
const http = require('node:http');
const crypto = require('node:crypto');

// The clock that process.hrtime reads is CLOCK_MONOTONIC (libuv, uv_hrtime).
const now = () => Number(process.hrtime.bigint()) / 1e9;

function told(kind, began) {
  process.stdout.write(`BLOCK ${kind} ${began.toFixed(9)} ${now().toFixed(9)}\n`);
}

function crunchNumbers(seconds) {
  const end = now() + seconds;
  let total = 0;
  while (now() < end) {
    for (let i = 0; i < 1000; i += 1) total += i;
  }
  return total;
}

function waitForSignal(seconds) {
  // The thread sleeps on a futex, as in a lock that nobody frees.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

function runConverter(seconds) {
  execSync(`sleep ${seconds.toFixed(3)}`);
}

const blocks = { '/cpu': crunchNumbers, '/lock': waitForSignal, '/child': runConverter };

function burst(jobs, done) {
  crunchNumbers(0.001);
  if (jobs > 1) setImmediate(burst, jobs - 1, done);
  else done();
}

const server = http.createServer(function handleRequest(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const seconds = Number(url.searchParams.get('seconds'));
  const block = blocks[url.pathname];
  if (block) {
    const began = now();
    block(seconds);
    told(url.pathname.slice(1), began);
  } else if (url.pathname === '/burst') {
    burst(200, () => response.end('done'));
    return;
  } else if (url.pathname === '/patient') {
    setTimeout(() => response.end('done'), seconds * 1000);
    return;
  } else if (url.pathname === '/pool') {
    let left = 12;
    for (let i = 0; i < 12; i += 1) {
      crypto.pbkdf2('secret', 'salt', 200000, 64, 'sha512', () => {
        left -= 1;
        if (left === 0) response.end('done');
      });
    }
    return;
  }
  response.end('ok');
});

server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => {
  process.stdout.write(`PORT ${server.address().port}\n`);
});
