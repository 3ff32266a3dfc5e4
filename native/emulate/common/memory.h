// Device memory that ends at guard pages, the ranges of memory that a kernel may access, and the
// reports of faults.
#pragma once
#include <cstddef>
#include <string>

namespace emulate {

struct Range {
  char *begin, *end;
  bool has(const void* p) const { return p >= begin && p < end; }
};
extern Range arena_range;   // the address space that all device memory comes from
extern Range shared_range;  // a group's shared memory
extern Range stacks_range;  // the fibres' stacks
extern Range image_range;   // the kernels' own segments: constants, literals

// Reserves address space, which uses memory only where it is touched.
Range Reserve(size_t size, int protection);
// Finds the program or library that contains `code`; its thread-local storage is that of the
// running host thread.
struct Segments {
  Range image, tls;
};
Segments SegmentsAround(const void* code);

struct Allocation {
  char* base;
  size_t size;
  char* mapping;
  size_t mapped;
  int id;
  bool live;
  std::string note;  // for messages
};
size_t WholeHostPages(size_t size);
// Makes the whole pages at `mapping`, which must be reserved, accessible and fills them with NaNs.
// The allocation ends where the pages end, to 16 bytes.
Allocation Map(char* mapping, size_t size);
// The same in front of a guard page, at an address that is never reused. Free() finds writes into
// the gap before the guard page. Null: out of address space.
Allocation* Allocate(size_t size);
ptrdiff_t Free(Allocation* allocation);  // returns how many bytes around it were written
ptrdiff_t BytesWrittenAround(const Allocation& allocation, size_t most_before);
void SetAccess(const Allocation& allocation, int protection);  // PROT_*, for the host and for kernels
Allocation* FindAllocation(const void* address);  // the nearest at or below it; may not contain it; may be freed

void DescribeAddress(const void* address, char* text, size_t size);
std::string DescribeShared(const void* address);  // each emulator defines its own
void CatchFaults();  // reports what was accessed and by whom, then ends the process or fails the kernel

}  // namespace emulate
