// What tests ask an emulated GPU for: calls that fail, a device that is lost, another size of it. From the environment,
// or for tests that have the emulator's library open through the functions simt_*.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace emulate {

struct Faults {
  uint64_t memory = uint64_t(16) << 30;  // SIMT_MEMORY, in MiB
  int devices = 1;                       // SIMT_DEVICES: 0 or 1
  long calls = 0;                        // that can fail, so far
  int mallocs_until_failure = -1;        // SIMT_FAIL_MALLOC
};
extern Faults faults;

// To be asked by every call that can fail: does this one? SIMT_FAIL=N is the Nth, or N:stays, and all after it.
enum class Answer { kNothing, kFailure, kLasting, kLost };
Answer NextFault();
bool NextMemoryFault();  // by allocations besides: SIMT_FAIL_MALLOC=N has the one after N fail

std::string Alive();  // each emulator's own: what has not been given back; empty if there is nothing
// At the end of the process says so, if SIMT_ALIVE is set, and exits with 98 if there is something. To be made after
// all that Alive() looks at.
struct ReportAlive {
  ~ReportAlive();
};

}  // namespace emulate
