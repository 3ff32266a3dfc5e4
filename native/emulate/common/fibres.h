// Shared by both emulated GPUs: every GPU thread of a group is a fibre of one OS thread. A CUDA
// block or Metal threadgroup is called a group here, a CUDA warp or Metal simdgroup a warp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulate {

constexpr int kMaxThreads = 1024;      // per group
constexpr size_t kStack = 128 * 1024;  // per fibre, of address space; only touched pages use memory
constexpr int kPoison = 0xFF;          // a NaN in every float format, -1 as an integer

enum class Schedule { kAscending, kDescending, kShuffle };
struct Index {
  unsigned x, y, z;
};
// Where a kernel waits: a source line or, if the file is null, the instruction before pc.
struct Site {
  const char* file;
  int line;
  const void* pc = nullptr;
};

// The terms in an emulator's messages, and the differences between the emulators.
struct Language {
  const char *program, *group, *warp, *barrier, *allocation;
  const char* hint;  // appended when host code touches device memory
  bool faults_end;   // a fault ends the process; otherwise it fails the kernel
};
extern const Language language;  // each emulator defines its own

// --- for host code and tests
void SetSchedule(Schedule schedule, unsigned seed = 1);
void SetSchedule(const char* name);  // same values as SIMT_SCHEDULE: ascending, descending, shuffle or shuffle:SEED
Schedule CurrentSchedule();
const char* ScheduleName();
unsigned RandomNumber();

struct Failure {
  char text[4096];
};
// On the host, throws an exception. In a kernel, abandons the group, and RunGroup throws the
// exception.
[[noreturn]] void Fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// --- running a grid, group by group
extern Index thread_index, group_index, group_size, grid_size;  // thread_index is the running thread's
extern bool in_kernel;                                          // a fibre is running
struct Work {
  const void* kernel;  // only for its name
  void (*body)(void*);
  void* arguments;
};
void BeginGrid(const Work& work, Index groups);  // sets grid_size and restarts the random numbers
void EndGrid();
Index GroupAt(unsigned turn);  // the group that the schedule runs at position `turn`
unsigned GroupNumber(Index group);
void RunGroup(Index group, Index size);  // runs all threads of the group; throws Failure

// --- for device code
int Lane();           // lane of the running thread in its warp
int ThreadInGroup();  // number of the running thread
int WarpInGroup();
int ThreadCount();  // per group
void Yield();       // always lets another thread run
void MaybeYield();  // sometimes yields, under Schedule::kShuffle
// `classes`: the kinds of memory that the barrier orders, as a sum of these.
enum : unsigned { kDeviceMemory = 1, kSharedMemory = 2, kAllMemory = 3 };
void GroupBarrier(Site site, unsigned classes = kAllMemory);
void WarpBarrier(const char* name, unsigned mask, Site site, unsigned classes = kAllMemory);
// A collective: each lane of the mask deposits a pointer to its operands and sleeps. The last to
// arrive calls execute once for all of them, with the 32 pointers.
using Execute = void (*)(void* const* operands, unsigned mask);
void Collective(const char* name, unsigned mask, void* operands, Execute execute, Site site);

// --- descriptions, written into a text of `size` bytes
void DescribeThread(int thread, char* text, size_t size);         // "block (..) thread (..)"
void DescribeCode(const void* address, char* text, size_t size);  // "function at file:line", by addr2line

}  // namespace emulate
