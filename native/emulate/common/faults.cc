#include "common/faults.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/fibres.h"
#include "common/memory.h"

namespace emulate {
Faults faults;

namespace {
long failing_call;  // counted from 1; 0: none
bool failure_stays;
const char* lost_once_there_is = nullptr;  // name of a file: the device is lost once it exists

struct Start {
  Start() {
    CatchFaults();
    if (const char* n = getenv("SIMT_FAIL_MALLOC")) faults.mallocs_until_failure = atoi(n);
    if (const char* n = getenv("SIMT_FAIL")) {
      failing_call = atol(n);
      failure_stays = strstr(n, ":stays") != nullptr;
    }
    if (const char* n = getenv("SIMT_MEMORY")) faults.memory = uint64_t(atol(n)) << 20;
    if (const char* n = getenv("SIMT_DEVICES")) faults.devices = atoi(n);
    if (const char* name = getenv("SIMT_SCHEDULE")) SetSchedule(name);
    lost_once_there_is = getenv("SIMT_LOST");
  }
} start;
}  // namespace

ReportAlive::~ReportAlive() {
  if (getenv("SIMT_ALIVE") == nullptr) return;
  const std::string alive = Alive();
  fprintf(stderr, "%s: %ld calls; still there: %s\n", language.program, faults.calls,
          alive.empty() ? "nothing" : alive.c_str());
  fflush(nullptr);
  if (!alive.empty()) _exit(98);
}

Answer NextFault() {
  if (lost_once_there_is && access(lost_once_there_is, F_OK) == 0) return Answer::kLost;
  ++faults.calls;
  if (failing_call == 0 || faults.calls < failing_call) return Answer::kNothing;
  if (failure_stays) return Answer::kLasting;
  return faults.calls == failing_call ? Answer::kFailure : Answer::kNothing;
}
bool NextMemoryFault() { return faults.mallocs_until_failure >= 0 && faults.mallocs_until_failure-- == 0; }

}  // namespace emulate

#define SIMT_EXPORT extern "C" __attribute__((visibility("default")))
SIMT_EXPORT void simt_fail_call(long number, bool stays) {  // counted from now on
  emulate::faults.calls = 0;
  emulate::failing_call = number;
  emulate::failure_stays = stays;
}
SIMT_EXPORT void simt_set_schedule(const char* name) { emulate::SetSchedule(name); }
SIMT_EXPORT void simt_fail_malloc(int successes) { emulate::faults.mallocs_until_failure = successes; }
SIMT_EXPORT long simt_calls() { return emulate::faults.calls; }
SIMT_EXPORT const char* simt_alive() {  // valid until the next call; empty if nothing is alive
  static std::string text;
  text = emulate::Alive();
  return text.c_str();
}
