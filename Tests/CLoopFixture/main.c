// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// An event loop that does what it is told on standard input, and says on standard output what it did:
//   sleep MS | spin MS | nested MS | burst COUNT MS | workers COUNT | work MS | turns MS
// answers with a line `done BEGAN_NS LENGTH_NS` for each, on CLOCK_MONOTONIC; `interrupted` with how many of its waits
// have failed with EINTR in place of the length. It ends with its input.

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void sleep_ms(double ms) {
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)((int64_t)(ms * 1e6) % 1000000000)};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
}

static void spin_ms(double ms) {
    int64_t end = now_ns() + (int64_t)(ms * 1e6);
    while (now_ns() < end) {}
}

// Computes and waits in turn, some 20 us each; the wait is one that the kernel never begins again. A signal that is not taken
// waits for the process from then on.
static void turns_ms(double ms) {
    static int is_sent = 0;
    sigset_t sent, awaited;
    sigemptyset(&sent);
    sigaddset(&sent, SIGUSR1);
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGUSR2);
    if (!is_sent) {
        is_sent = 1;
        sigprocmask(SIG_BLOCK, &sent, NULL);
        kill(getpid(), SIGUSR1);
        prctl(PR_SET_TIMERSLACK, 1);
    }
    int64_t end = now_ns() + (int64_t)(ms * 1e6);
    struct timespec wait = {.tv_nsec = 20000};
    while (now_ns() < end) {
        spin_ms(0.02);
        sigtimedwait(&awaited, NULL, &wait);
    }
}

// A pool of workers that wait for a condition, named as libuv's are.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int jobs = 0;
static double job_ms = 0;

static void *worker(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "libuv-worker");
    pthread_mutex_lock(&lock);
    while (1) {
        while (jobs == 0) pthread_cond_wait(&work, &lock);
        jobs--;
        double ms = job_ms;
        pthread_mutex_unlock(&lock);
        sleep_ms(ms);
        pthread_mutex_lock(&lock);
    }
    return NULL;
}

static int workers = 0;

static void add_workers(int count) {
    for (int number = 0; number < count; number++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, NULL) == 0) workers++;
    }
}

static void give_work(double ms) {
    pthread_mutex_lock(&lock);
    jobs = workers;
    job_ms = ms;
    pthread_cond_broadcast(&work);
    pthread_mutex_unlock(&lock);
}

static void answer(int64_t began) {
    printf("done %lld %lld\n", (long long)began, (long long)(now_ns() - began));
    fflush(stdout);
}

static int burst_left = 0;
static double burst_ms = 0;
static int64_t burst_began = 0;
static int pipe_ends[2];

static int interrupted = 0;
static int waits_by_poll = 0;

static void obey(const char *line) {
    char word[16] = "";
    double first = 0, second = 0;
    sscanf(line, "%15s %lf %lf", word, &first, &second);
    int64_t began = now_ns();
    if (strcmp(word, "sleep") == 0) sleep_ms(first);
    if (strcmp(word, "spin") == 0) spin_ms(first);
    if (strcmp(word, "turns") == 0) turns_ms(first);
    if (strcmp(word, "workers") == 0) add_workers((int)first);
    if (strcmp(word, "work") == 0) give_work(first);
    if (strcmp(word, "nested") == 0) {
        int inner = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event;
        epoll_wait(inner, &event, 1, (int)first);
        close(inner);
    }
    // What a supervisor does: it sleeps, and now and then waits for an answer.
    if (strcmp(word, "supervise") == 0) {
        for (int round = 0; round < 40; round++) {
            sleep_ms(first);
            struct pollfd answer_of_worker = {.fd = pipe_ends[0], .events = POLLIN};
            poll(&answer_of_worker, 1, (int)second);
        }
    }
    if (strcmp(word, "poll") == 0) waits_by_poll = 1;
    if (strcmp(word, "burst") == 0) {
        burst_left = (int)first;
        burst_ms = second;
        burst_began = began;
        // Never read until the burst is over: the loop's wait returns at once each time.
        if (write(pipe_ends[1], "x", 1) != 1) abort();
        return;
    }
    if (strcmp(word, "interrupted") == 0) {
        printf("done %lld %d\n", (long long)began, interrupted);
        fflush(stdout);
        return;
    }
    answer(began);
}

int main(void) {
    int loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0 || pipe(pipe_ends) != 0) return 1;
    struct epoll_event input = {.events = EPOLLIN, .data.fd = 0};
    struct epoll_event wake = {.events = EPOLLIN, .data.fd = pipe_ends[0]};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, 0, &input) != 0) return 1;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, pipe_ends[0], &wake) != 0) return 1;
    puts("ready");
    fflush(stdout);
    char text[4096];
    size_t length = 0;
    while (1) {
        struct epoll_event events[4];
        int count;
        if (waits_by_poll) {
            struct pollfd entry = {.fd = 0, .events = POLLIN};
            count = poll(&entry, 1, -1);
            events[0].data.fd = 0;
        } else {
            count = epoll_wait(loop, events, 4, -1);
        }
        if (count < 0 && errno != EINTR) return 1;
        if (count < 0) interrupted++;
        for (int index = 0; index < count; index++) {
            if (events[index].data.fd != 0) {
                spin_ms(burst_ms);
                if (--burst_left > 0) continue;
                char byte;
                if (read(pipe_ends[0], &byte, 1) != 1) return 1;
                answer(burst_began);
                continue;
            }
            ssize_t size = read(0, text + length, sizeof(text) - 1 - length);
            if (size <= 0) return 0;
            length += (size_t)size;
            text[length] = 0;
            char *end;
            while ((end = strchr(text, '\n')) != NULL) {
                *end = 0;
                obey(text);
                length -= (size_t)(end + 1 - text);
                memmove(text, end + 1, length + 1);
            }
        }
    }
}
