#!/usr/bin/env bash
# Kernels are compiled once per instruction set. The linker takes a function that they share (a weak
# symbol, such as an inline function of the standard library) from any one of them. Portable code
# could then run AVX2 instructions on a processor that lacks them. So objects of an instruction set
# may define such symbols only in their own namespace.
set -eu
cd "$(dirname "$0")/../.."
status=0
for isa in avx2 neon; do
  folder=build/CMakeFiles/nano_kernels_$isa.dir/native/cpu
  [ -d "$folder" ] || continue
  found=$(nm -C --defined-only "$folder"/*.o | grep -E '^[0-9a-f]+ [WVu] ' | grep -v "nano::cpu::$isa::" || true)
  if [ -n "$found" ]; then
    echo "weak symbols outside nano::cpu::$isa:"
    echo "$found"
    status=1
  else
    echo "$isa: $(find "$folder" -name '*.o' | wc -l) objects, no shared symbols"
  fi
done
exit $status
