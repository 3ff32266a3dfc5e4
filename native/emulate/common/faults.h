// Faults that tests can request from an emulated GPU: failing calls, a lost device, another memory
// size. They are set by environment variables, or by the functions simt_* in tests that have the
// emulator's library open.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace emulate {

struct Faults {
  uint64_t memory = uint64_t(16) << 30;  // SIMT_MEMORY, in MiB
  int devices = 1;                       // SIMT_DEVICES: 0 or 1
  long calls = 0;                        // calls so far that can fail
  int mallocs_until_failure = -1;        // SIMT_FAIL_MALLOC
};
extern Faults faults;

// Each API function that can fail calls this first. SIMT_FAIL=N makes the Nth call fail; N:stays
// makes all later calls fail too.
enum class Answer { kNothing, kFailure, kLasting, kLost };
Answer NextFault();
bool NextMemoryFault();  // for allocations, also: SIMT_FAIL_MALLOC=N makes the one after N fail

std::string Alive();  // each emulator defines it: what is still allocated; empty if nothing is
// If SIMT_ALIVE is set, reports at process exit what Alive() returns, and exits with 98 if it is
// not empty. Construct it after everything that Alive() reads.
struct ReportAlive {
  ~ReportAlive();
};

}  // namespace emulate
