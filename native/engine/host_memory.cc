#include "engine/host_memory.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

#include "engine/plan.h"
#include "engine/sanitizer.h"

namespace nano {
namespace {

std::atomic<size_t> bytes_in_use{0};

constexpr size_t kHugePage = size_t{2} << 20;
#if defined(__linux__)
// Under a sanitizer all blocks come from its allocator, which knows where a block ends.
constexpr bool kHugePages = !kSanitizing;
#else
constexpr bool kHugePages = false;
#endif
constexpr size_t kFirstChunk = 2 * kHugePage, kLargestChunk = 16 * kHugePage;

#if defined(__linux__)
size_t ReadLimit(const char* path) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return std::numeric_limits<size_t>::max();
  unsigned long long limit = 0;
  const bool number = std::fscanf(file, "%llu", &limit) == 1;  // "max" is not a number and means no limit
  std::fclose(file);
  return number && limit > 0 ? static_cast<size_t>(limit) : std::numeric_limits<size_t>::max();
}
#endif

size_t FindUsableMemory() {
#if defined(_WIN32)
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? static_cast<size_t>(status.ullTotalPhys) : std::numeric_limits<size_t>::max();
#else
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  size_t usable = pages > 0 && page > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page)
                                        : std::numeric_limits<size_t>::max();
#if defined(__linux__)
  usable = std::min(usable, ReadLimit("/sys/fs/cgroup/memory.max"));
  usable = std::min(usable, ReadLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
#endif
  return usable;
#endif
}

// The limit that `ulimit -v` sets. It counts addresses, of which a process needs more than memory, so
// blocks are not refused by it: the allocation fails.
size_t AddressLimit() {
#if !defined(_WIN32)
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) return static_cast<size_t>(limit.rlim_cur);
#endif
  return std::numeric_limits<size_t>::max();
}

Status TooLarge(size_t bytes) {
  return {Code::kOutOfMemory, "out of memory: " + std::to_string(bytes >> 20) + " MiB more are needed, " +
                                  std::to_string(bytes_in_use.load() >> 20) +
                                  " MiB are in use, and this process may use " +
                                  std::to_string(std::min(UsableMemory(), AddressLimit()) >> 20) +
                                  " MiB in all. A smaller `batchSize` (with more `gradientAccumulationSteps`), a "
                                  "smaller `blockSize` or a smaller model needs less"};
}

// Adds `bytes` to the total in use, unless the total would exceed the usable memory.
bool Reserve(size_t bytes) {
  size_t used = bytes_in_use.load();
  do {
    if (bytes > UsableMemory() || used > UsableMemory() - bytes) return false;
  } while (!bytes_in_use.compare_exchange_weak(used, used + bytes));
  return true;
}

}  // namespace

size_t UsableMemory() {
  static const size_t usable = FindUsableMemory();
  return usable;
}

HostMemory::HostMemory(HostMemory&& other) noexcept { *this = std::move(other); }

HostMemory& HostMemory::operator=(HostMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(block_, other.block_);
  std::swap(block_bytes_, other.block_bytes_);
  return *this;
}

HostMemory::~HostMemory() {
  if (block_ == nullptr) return;
#if defined(_WIN32)
  _aligned_free(block_);
#else
  if (block_bytes_ > 0) {
    munmap(block_, block_bytes_);
  } else {
    std::free(block_);
  }
#endif
  bytes_in_use -= size_;
}

Result<HostMemory> HostMemory::Allocate(size_t bytes) {
  HostMemory memory;
  if (bytes == 0) return memory;
  if (!Reserve(bytes)) return TooLarge(bytes);
#if defined(_WIN32)
  memory.block_ = _aligned_malloc(bytes, kAlignment);
  if (memory.block_ != nullptr) std::memset(memory.block_, 0, bytes);
#else
#if defined(__linux__)
  // Large blocks use huge pages, which reduce page faults and TLB misses to about a tenth. mmap
  // returns zeroed pages.
  if (kHugePages && bytes >= 2 * kHugePage) {
    const size_t block_bytes = bytes + kHugePage;
    void* block = mmap(nullptr, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block != MAP_FAILED) {
      const auto address = reinterpret_cast<uintptr_t>(block);
      memory.data_ = static_cast<std::byte*>(block) + ((kHugePage - address % kHugePage) % kHugePage);
      memory.block_ = block;
      memory.block_bytes_ = block_bytes;
      madvise(memory.data_, bytes, MADV_HUGEPAGE);  // only a hint: if it fails, the pages are small
    }
  } else
#endif
  {
    if (posix_memalign(&memory.block_, kAlignment, bytes) != 0) memory.block_ = nullptr;
    if (memory.block_ != nullptr) std::memset(memory.block_, 0, bytes);
  }
#endif
  if (memory.block_ == nullptr) {
    bytes_in_use -= bytes;
    return TooLarge(bytes);
  }
  if (memory.data_ == nullptr) memory.data_ = static_cast<std::byte*>(memory.block_);
  memory.size_ = bytes;
  return memory;
}

Result<HostArena::Block> HostArena::Allocate(size_t bytes) {
  const bool together = kHugePages && bytes <= kLargestChunk / 2;
  if (together) {
    for (auto& [chunk, used] : open_) {
      if (chunk == nullptr || bytes > chunk->size() - used) continue;
      const size_t at = used;
      used = std::min(chunk->size(), (at + bytes + kAlignment - 1) / kAlignment * kAlignment);
      return Block{chunk->span().subspan(at, bytes), chunk};
    }
    // Each chunk is twice as large as the previous one, so that a small model doesn't reserve a large
    // chunk.
    const auto& newest = open_[1].chunk;
    const size_t wanted = newest == nullptr ? kFirstChunk : std::min(2 * newest->size(), kLargestChunk);
    Result<std::shared_ptr<const HostMemory>> chunk = NewChunk(std::max(wanted, bytes));
    if (chunk.ok()) {
      open_[0] = std::move(open_[1]);
      open_[1] = {std::move(chunk.value())};
      return Allocate(bytes);
    }
  }
  Result<std::shared_ptr<const HostMemory>> own = NewChunk(bytes);
  if (!own.ok()) return own.status();
  return Block{own.value()->span(), own.value()};
}

Result<std::shared_ptr<const HostMemory>> HostArena::NewChunk(size_t bytes) {
  Result<HostMemory> memory = HostMemory::Allocate(bytes);
  if (!memory.ok()) return memory.status();
  *bytes_ += bytes;
  return std::shared_ptr<const HostMemory>(new HostMemory(std::move(memory.value())),
                                           [total = bytes_](const HostMemory* chunk) {
                                             *total -= chunk->size();
                                             delete chunk;
                                           });
}

}  // namespace nano
