// Selects the kernels of an instruction set that is compiled in and supported by this processor.
// Compiled once.
#include <span>
#include <string_view>
#include <vector>

#include "cpu/backend.h"
#include "cpu/kernel.h"
#include "cpu/peak.h"
#include "cpu/processor.h"

namespace nano::cpu {

// The build defines NANO_HAVE_… for each instruction set that it compiles kernels for.
#ifdef NANO_HAVE_PORTABLE
namespace portable {
std::span<const Kernel> Kernels();
const PeakLoops& Loops();
}  // namespace portable
#endif
#ifdef NANO_HAVE_AVX2
namespace avx2 {
std::span<const Kernel> Kernels();
const PeakLoops& Loops();
}  // namespace avx2
#endif
#ifdef NANO_HAVE_NEON
namespace neon {
std::span<const Kernel> Kernels();
const PeakLoops& Loops();
}  // namespace neon
#endif
#ifdef NANO_HAVE_BLAS
namespace blas {
std::span<const Kernel> Kernels();
const PeakLoops& Loops();
}  // namespace blas
#endif

const Kernel* KernelTable::find(std::string_view name) const {
  for (const Kernel& kernel : kernels) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

const KernelTable* SelectKernels(std::string_view instruction_set) {
  [[maybe_unused]] const auto wanted = [&](std::string_view name) {
    return instruction_set.empty() || instruction_set == name;
  };
  // Each table is filled after the check, because Kernels() is compiled for the instruction set too.
#ifdef NANO_HAVE_AVX2
  if (wanted("avx2") && HasAvx2()) {
    static const KernelTable table = {"avx2", avx2::Kernels(), &avx2::Loops()};
    return &table;
  }
#endif
#ifdef NANO_HAVE_NEON
  if (wanted("neon")) {
    static const KernelTable table = {"neon", neon::Kernels(), &neon::Loops()};
    return &table;
  }
#endif
#ifdef NANO_HAVE_BLAS
  // Never chosen as the best, because the bits of its results depend on a library.
#ifdef __aarch64__
  if (instruction_set == "blas") {
#else
  if (instruction_set == "blas" && HasAvx2()) {
#endif
    static const KernelTable table = {"blas", blas::Kernels(), &blas::Loops()};
    return &table;
  }
#endif
#ifdef NANO_HAVE_PORTABLE
  if (wanted("portable")) {
    static const KernelTable table = {"portable", portable::Kernels(), &portable::Loops()};
    return &table;
  }
#endif
  return nullptr;
}

std::vector<std::string_view> CompiledInstructionSets() {
  return {
#ifdef NANO_HAVE_AVX2
      "avx2",
#endif
#ifdef NANO_HAVE_NEON
      "neon",
#endif
#ifdef NANO_HAVE_PORTABLE
      "portable",
#endif
#ifdef NANO_HAVE_BLAS
      "blas",
#endif
  };
}

}  // namespace nano::cpu
