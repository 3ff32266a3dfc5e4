// The arena and its allocations, and faults.
#include "common/memory.h"

#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

#include "common/fibres.h"

namespace emulate {
namespace {
constexpr size_t kArena = size_t(64) << 30;  // address space
const size_t kPage = size_t(sysconf(_SC_PAGESIZE));
std::map<char*, Allocation> allocations;  // includes freed ones
char* next_free;
int allocation_count;

void MapArena() {
  arena_range = Reserve(kArena, PROT_NONE);
  next_free = arena_range.begin + kPage;
}

const void* fault_address;
bool fault_is_division;
const void* fault_code;

std::string FaultText() {
  char what[256], where[512], who[128] = "host code";
  DescribeAddress(fault_address, what, sizeof what);
  DescribeCode(fault_code, where, sizeof where);
  if (in_kernel) DescribeThread(ThreadInGroup(), who, sizeof who);
  return std::string("fault: ") + who + (fault_is_division ? " divided by zero" : std::string(" touched ") + what) +
         "\n  in " + where;
}
[[noreturn]] void FailOfFault() { Fail("%s", FaultText().c_str()); }

// If only the kernel may fail, it continues in FailOfFault on its own stack, or at the top of it
// after an overflow.
void OnFault(int signal_number, siginfo_t* info, void* context) {
  auto* uc = static_cast<ucontext_t*>(context);
  fault_address = info->si_addr;
  fault_is_division = signal_number == SIGFPE;
#if defined(__x86_64__)
  auto& pc = uc->uc_mcontext.gregs[REG_RIP];
  fault_code = reinterpret_cast<void*>(pc);
  if (in_kernel && !language.faults_end) {
    auto& sp = uc->uc_mcontext.gregs[REG_RSP];
    constexpr long kRoom = 64 * 1024;
    const auto low = reinterpret_cast<long>(stacks_range.begin + size_t(ThreadInGroup()) * kStack);
    if (sp < low + kRoom) sp = low + long(kStack) - 64;
    sp = ((sp - 256) & ~15l) - 8;
    pc = reinterpret_cast<long>(FailOfFault);
    return;
  }
#else
  fault_code = reinterpret_cast<void*>(uc->uc_mcontext.pc);
#endif
  signal(signal_number, SIG_DFL);
  const std::string text = FaultText();
  fprintf(stderr, "%s: %s%s%s\n", language.program, text.c_str(), in_kernel ? "; schedule " : "",
          in_kernel                        ? ScheduleName()
          : arena_range.has(fault_address) ? language.hint
                                           : "");
  _exit(99);
}
}  // namespace

Range arena_range, shared_range, stacks_range, image_range;

Range Reserve(size_t size, int protection) {
  void* p = mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    perror("emulate: mmap");
    abort();
  }
  return {static_cast<char*>(p), static_cast<char*>(p) + size};
}
Segments SegmentsAround(const void* code) {
  struct Search {
    const void* code;
    Segments found;
  } search{code, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        Range image{}, tls{};
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& p = info->dlpi_phdr[i];
          char* start = reinterpret_cast<char*>(info->dlpi_addr + p.p_vaddr);
          if (p.p_type == PT_LOAD) {
            if (!image.begin) image.begin = start;
            image.end = start + p.p_memsz;
          } else if (p.p_type == PT_TLS && info->dlpi_tls_data) {
            tls.begin = static_cast<char*>(info->dlpi_tls_data);
            tls.end = tls.begin + p.p_memsz;
          }
        }
        auto* s = static_cast<Search*>(data);
        if (!image.has(s->code)) return 0;
        s->found = {image, tls};
        return 1;
      },
      &search);
  return search.found;
}

size_t WholeHostPages(size_t size) { return (size + kPage - 1) / kPage * kPage; }
Allocation Map(char* mapping, size_t size) {
  const size_t mapped = WholeHostPages(size);
  Allocation a{mapping + mapped - (size + 15) / 16 * 16, size, mapping, mapped, 0, true, {}};
  SetAccess(a, PROT_READ | PROT_WRITE);
  memset(mapping, kPoison, mapped);
  return a;
}
Allocation* Allocate(size_t size) {
  if (!arena_range.begin) MapArena();
  if (WholeHostPages(size) + kPage > size_t(arena_range.end - next_free)) return nullptr;
  Allocation a = Map(next_free, size);
  a.id = ++allocation_count;
  next_free += a.mapped + kPage;  // a guard page follows
  return &(allocations[a.base] = a);
}
ptrdiff_t BytesWrittenAround(const Allocation& a, size_t most_before) {
  const char* first = size_t(a.base - a.mapping) > most_before ? a.base - most_before : a.mapping;
  for (const char* c = first; c < a.mapping + a.mapped; c = c + 1 == a.base ? a.base + a.size : c + 1)
    if ((c < a.base || c >= a.base + a.size) && *c != char(kPoison))
      return c < a.base ? a.base - c : c - (a.base + a.size) + 1;
  return 0;
}
ptrdiff_t Free(Allocation* a) {
  a->live = false;
  SetAccess(*a, PROT_READ);
  const ptrdiff_t written = BytesWrittenAround(*a, a->mapped);
  // Maps anew instead of protecting: the kernel can then merge the mapping with its neighbours.
  mmap(a->mapping, a->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return written;
}
void SetAccess(const Allocation& a, int protection) { mprotect(a.mapping, a.mapped, protection); }

Allocation* FindAllocation(const void* p) {
  static Allocation* last;
  auto* c = static_cast<char*>(const_cast<void*>(p));
  if (last && c >= last->base && c < last->base + last->size) return last;
  auto it = allocations.upper_bound(c);
  return it == allocations.begin() ? nullptr : last = &std::prev(it)->second;
}
void DescribeAddress(const void* p, char* text, size_t size) {
  auto* c = static_cast<const char*>(p);
  const Allocation* a = arena_range.has(p) ? FindAllocation(p) : nullptr;
  const char* what = language.allocation;
  if (shared_range.has(p)) {
    snprintf(text, size, "%s", DescribeShared(p).c_str());
  } else if (a && c < a->base + a->size) {
    snprintf(text, size, "%s%s #%d (%zu bytes%s) at byte %td", a->live ? "" : "freed ", what, a->id, a->size,
             a->note.c_str(), c - a->base);
  } else if (a) {
    auto next = allocations.upper_bound(const_cast<char*>(c));
    if (next != allocations.end() && next->second.base - c < c - (a->base + a->size))
      snprintf(text, size, "memory %td bytes before %s #%d (%zu bytes%s)", next->second.base - c, what, next->second.id,
               next->second.size, next->second.note.c_str());
    else
      snprintf(text, size, "memory %td bytes past %s #%d (%zu bytes%s)", c - (a->base + a->size), what, a->id, a->size,
               a->note.c_str());
  } else if (stacks_range.has(p)) {
    snprintf(text, size, "the guard of a thread's stack (128 KiB each)");
  } else {
    snprintf(text, size, "address %p, which is no device memory", p);
  }
}

void CatchFaults() {
  static char stack[64 * 1024];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
  sigaction(SIGFPE, &action, nullptr);
}

}  // namespace emulate

// -fsanitize=alignment makes kernels call this before an access that is not aligned to its type. A
// GPU faults there.
struct Misaligned {
  const char* file;
  unsigned line, column;
  const void* type;
  unsigned char log_alignment, access;
};
extern "C" __attribute__((visibility("default"))) void __ubsan_handle_type_mismatch_v1(const Misaligned* what,
                                                                                       uintptr_t address) {
  const char* name = strrchr(what->file, '/');
  emulate::Fail("misaligned: %s:%u touches %p, not a multiple of %d bytes", name ? name + 1 : what->file, what->line,
                reinterpret_cast<void*>(address), 1 << what->log_alignment);
}
