// What both emulated GPUs share: every GPU thread of a group is a fibre of one OS thread. (CUDA's words for it are
// block and warp, Metal's are threadgroup and simdgroup; here they are group and warp.)
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulate {

constexpr int kMaxThreads = 1024;      // of a group
constexpr size_t kStack = 128 * 1024;  // of a fibre: address space; only touched pages cost memory
constexpr int kPoison = 0xFF;          // a NaN in every float format, -1 as an integer

enum class Schedule { kAscending, kDescending, kShuffle };
struct Index {
  unsigned x, y, z;
};
// Where a kernel waits: a line or, if the file is null, the instruction before this one.
struct Site {
  const char* file;
  int line;
  const void* pc = nullptr;
};

// The words of an emulator's messages, and what differs.
struct Language {
  const char *program, *group, *warp, *barrier, *allocation;
  const char* hint;  // for host code that touches device memory
  bool faults_end;   // the process; else they are the kernel's failure
};
extern const Language language;  // each emulator's own

// --- for host code and tests
void SetSchedule(Schedule schedule, unsigned seed = 1);
void SetSchedule(const char* name);  // as SIMT_SCHEDULE has it: ascending, descending, shuffle or shuffle:SEED
Schedule CurrentSchedule();
const char* ScheduleName();
unsigned RandomNumber();

struct Failure {
  char text[4096];
};
// On the host an exception; a kernel's group is abandoned, and RunGroup throws it.
[[noreturn]] void Fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// --- running a grid, group by group
extern Index thread_index, group_index, group_size, grid_size;  // thread_index is of the running thread
extern bool in_kernel;                                          // a fibre is running
struct Work {
  const void* kernel;  // only to name it
  void (*body)(void*);
  void* arguments;
};
void BeginGrid(const Work& work, Index groups);  // sets grid_size; random numbers start anew
void EndGrid();
Index GroupAt(unsigned turn);  // which of the grid's groups the schedule has at its turn-th place
unsigned GroupNumber(Index group);
void RunGroup(Index group, Index size);  // runs all its threads; throws Failure

// --- for device code
int Lane();           // of the running thread, in its warp
int ThreadInGroup();  // its number
int WarpInGroup();
int ThreadCount();  // of the group
void Yield();       // lets another thread run, always
void MaybeYield();  // the same, sometimes, under Schedule::kShuffle
// `classes` of memory that the barrier orders: a sum of these.
enum : unsigned { kDeviceMemory = 1, kSharedMemory = 2, kAllMemory = 3 };
void GroupBarrier(Site site, unsigned classes = kAllMemory);
void WarpBarrier(const char* name, unsigned mask, Site site, unsigned classes = kAllMemory);
// The collective: each lane of the mask deposits a pointer to its operands and sleeps; the last one to arrive calls
// execute once for all of them, with the 32 pointers.
using Execute = void (*)(void* const* operands, unsigned mask);
void Collective(const char* name, unsigned mask, void* operands, Execute execute, Site site);

// --- descriptions, into a text of `size` bytes
void DescribeThread(int thread, char* text, size_t size);         // "block (..) thread (..)"
void DescribeCode(const void* address, char* text, size_t size);  // "function at file:line", by addr2line

}  // namespace emulate
