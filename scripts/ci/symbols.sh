#!/usr/bin/env bash
# Kernels are compiled once for each instruction set. A function shared between them (a weak symbol, such as an inline function of
# the standard library) would be taken from any one of them, and the portable code could then run AVX2 instructions on a
# processor that has none. So objects of an instruction set may define such symbols in their own namespace only.
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
