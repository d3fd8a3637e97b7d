// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A Node cluster: two workers that serve what server.js serves, and a primary that hands out the connections.

'use strict';
const cluster = require('node:cluster');
const path = require('node:path');

cluster.setupPrimary({ exec: path.join(__dirname, 'server.js') });
for (let i = 0; i < 2; i += 1) cluster.fork();
process.on('SIGTERM', () => {
  for (const worker of Object.values(cluster.workers)) worker.process.kill();
  process.exit(0);
});
