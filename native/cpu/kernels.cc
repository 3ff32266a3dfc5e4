// Selects the kernels of an instruction set that is compiled in and supported by this processor.
// Compiled once.
#include <span>
#include <string_view>

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
#ifdef NANO_HAVE_AVX2
  static const KernelTable avx2_table = {"avx2", avx2::Kernels(), &avx2::Loops()};
  if (wanted("avx2") && HasAvx2()) return &avx2_table;
#endif
#ifdef NANO_HAVE_NEON
  static const KernelTable neon_table = {"neon", neon::Kernels(), &neon::Loops()};
  if (wanted("neon")) return &neon_table;
#endif
#ifdef NANO_HAVE_BLAS
  // Never chosen as the best, because the bits of its results depend on a library.
  static const KernelTable blas_table = {"blas", blas::Kernels(), &blas::Loops()};
#ifdef __aarch64__
  if (instruction_set == "blas") return &blas_table;
#else
  if (instruction_set == "blas" && HasAvx2()) return &blas_table;
#endif
#endif
#ifdef NANO_HAVE_PORTABLE
  static const KernelTable portable_table = {"portable", portable::Kernels(), &portable::Loops()};
  if (wanted("portable")) return &portable_table;
#endif
  return nullptr;
}

}  // namespace nano::cpu
