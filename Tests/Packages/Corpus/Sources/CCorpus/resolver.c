// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CCorpus.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>

int corpus_use_resolver(uint16_t port) {
    if (res_init() != 0) return -1;
    _res.nscount = 1;
    _res.nsaddr_list[0].sin_family = AF_INET;
    _res.nsaddr_list[0].sin_port = htons(port);
    _res.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    _res.retrans = 1;
    _res.retry = 1;
    return 0;
}

void corpus_restore_resolver(void) {
    res_init();
}
