// Device memory whose every end is a guard page, the ranges of all memory that a kernel may see, and what is said of a
// fault.
#pragma once
#include <cstddef>
#include <string>

namespace emulate {

struct Range {
  char *begin, *end;
  bool has(const void* p) const { return p >= begin && p < end; }
};
extern Range arena_range;   // the address space that all device memory comes from
extern Range shared_range;  // a group's own memory
extern Range stacks_range;  // the fibres' stacks
extern Range image_range;   // the kernels' own segments: constants, literals

// Address space, which becomes memory where it is touched.
Range Reserve(size_t size, int protection);
// Of the program or library that holds `code`; its thread-local storage is the running host thread's.
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
// Makes the whole pages at `mapping`, which must be reserved, accessible and fills them with NaNs. The end is flush
// with theirs, to 16 bytes.
Allocation Map(char* mapping, size_t size);
// That before a guard page (what is written between is seen when it is freed), at an address that never comes again.
// Null: there is no room.
Allocation* Allocate(size_t size);
ptrdiff_t Free(Allocation* allocation);  // how many bytes around it have been written
ptrdiff_t BytesWrittenAround(const Allocation& allocation, size_t most_before);
void SetAccess(const Allocation& allocation, int protection);  // PROT_*, of the host and of kernels
Allocation* FindAllocation(const void* address);  // the nearest at or below; may not contain the address; may be freed

void DescribeAddress(const void* address, char* text, size_t size);
std::string DescribeShared(const void* address);  // each emulator's own
void CatchFaults();  // says what was touched by whom, and ends the process or fails the kernel

}  // namespace emulate
