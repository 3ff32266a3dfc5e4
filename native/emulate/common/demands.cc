#include "common/demands.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/fibres.h"
#include "common/memory.h"

namespace emulate {
Demands demands;

namespace {
long failing_call;  // counted from 1; 0: none
bool failure_stays;
const char* lost_once_there_is = nullptr;  // a file

struct Start {
  Start() {
    CatchFaults();
    if (const char* n = getenv("SIMT_FAIL_MALLOC")) demands.mallocs_until_failure = atoi(n);
    if (const char* n = getenv("SIMT_FAIL")) {
      failing_call = atol(n);
      failure_stays = strstr(n, ":stays") != nullptr;
    }
    if (const char* n = getenv("SIMT_MEMORY")) demands.memory = uint64_t(atol(n)) << 20;
    if (const char* n = getenv("SIMT_DEVICES")) demands.devices = atoi(n);
    if (const char* name = getenv("SIMT_SCHEDULE")) SetSchedule(name);
    lost_once_there_is = getenv("SIMT_LOST");
  }
} start;
}  // namespace

ReportAlive::~ReportAlive() {
  if (getenv("SIMT_ALIVE") == nullptr) return;
  const std::string alive = Alive();
  fprintf(stderr, "%s: %ld calls; still there: %s\n", language.program, demands.calls,
          alive.empty() ? "nothing" : alive.c_str());
  fflush(nullptr);
  if (!alive.empty()) _exit(98);
}

Answer AskDemands() {
  if (lost_once_there_is && access(lost_once_there_is, F_OK) == 0) return Answer::kLost;
  ++demands.calls;
  if (failing_call == 0 || demands.calls < failing_call) return Answer::kNothing;
  if (failure_stays) return Answer::kLasting;
  return demands.calls == failing_call ? Answer::kFailure : Answer::kNothing;
}
bool AskDemandsForMemory() { return demands.mallocs_until_failure >= 0 && demands.mallocs_until_failure-- == 0; }

}  // namespace emulate

#define SIMT_EXPORT extern "C" __attribute__((visibility("default")))
SIMT_EXPORT void simt_fail_call(long number, bool stays) {  // counted from now on
  emulate::demands.calls = 0;
  emulate::failing_call = number;
  emulate::failure_stays = stays;
}
SIMT_EXPORT void simt_set_schedule(const char* name) { emulate::SetSchedule(name); }
SIMT_EXPORT void simt_fail_malloc(int successes) { emulate::demands.mallocs_until_failure = successes; }
SIMT_EXPORT long simt_calls() { return emulate::demands.calls; }
SIMT_EXPORT const char* simt_alive() {  // until the next call; empty if there is nothing
  static std::string text;
  text = emulate::Alive();
  return text.c_str();
}
