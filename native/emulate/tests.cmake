# Tests that run on the emulated GPU and on a real one (docs/gpu-testing.md): of the emulator itself (there, of CUDA's runtime),
# of each instruction of ptx.cuh, and of products of every dtype, whose speed is measured too.
if(NANO_BUILD_CUDA)
  add_executable(nano-simt-test EXCLUDE_FROM_ALL native/emulate/test/selftest.cu)
  add_executable(nano-ptx-test EXCLUDE_FROM_ALL native/emulate/test/ptx_test.cu)
  add_executable(nano-gemm-test EXCLUDE_FROM_ALL native/emulate/test/gemm_test.cc $<TARGET_OBJECTS:nano_gpt_cuda>)
  add_executable(nano-gemm-bench EXCLUDE_FROM_ALL native/emulate/test/gemm_bench.cc $<TARGET_OBJECTS:nano_gpt_cuda>)
  set(NANO_GPU_TESTS nano-simt-test nano-ptx-test nano-gemm-test nano-gemm-bench)
  foreach(target nano-simt-test nano-ptx-test)
    target_include_directories(${target} PRIVATE native)
  endforeach()
  foreach(target nano-gemm-test nano-gemm-bench)
    target_link_libraries(${target} PRIVATE nano_core ${CMAKE_DL_LIBS})
  endforeach()
  if(NANO_GPT_CUDA MATCHES "^emulated")
    nano_emulate(nano-simt-test native/emulate/test/selftest.cu)
    nano_emulate(nano-ptx-test native/emulate/test/ptx_test.cu)
    foreach(target nano-gemm-test nano-gemm-bench)
      target_include_directories(${target} BEFORE PRIVATE native/emulate/simt native/emulate)
      target_compile_definitions(${target} PRIVATE NANO_EMULATED)
      target_compile_options(${target} PRIVATE -Wno-unknown-pragmas)
    endforeach()
  else()
    set_source_files_properties(native/emulate/test/gemm_test.cc native/emulate/test/gemm_bench.cc PROPERTIES LANGUAGE CUDA)
    set_target_properties(${NANO_GPU_TESTS} PROPERTIES CUDA_RUNTIME_LIBRARY Static)
    target_compile_options(nano-gemm-test PRIVATE --extended-lambda)
    target_compile_options(nano-gemm-bench PRIVATE --extended-lambda)
  endif()
  set_target_properties(${NANO_GPU_TESTS} PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/$<IF:$<CONFIG:Debug>,Debug,Release>)
endif()

# Products once more, on Metal.
if(NANO_GPT_METAL STREQUAL "emulated" AND NOT NANO_BUILD_CUDA)
  add_executable(nano-gemm-test EXCLUDE_FROM_ALL native/emulate/test/gemm_test.cc)
  target_compile_definitions(nano-gemm-test PRIVATE NANO_EMULATED NANO_TEST_METAL)
  target_link_libraries(nano-gemm-test PRIVATE nano_core)
  set_target_properties(nano-gemm-test PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/$<IF:$<CONFIG:Debug>,Debug,Release>)
endif()

# Tests of what drives a GPU (docs/gpu-testing.md). Without NANO_SANITIZING, which gives every temporary a block of its
# own, temporaries share the arena: as it is in earnest.
if(NANO_GPT_CUDA MATCHES "^emulated" OR NANO_GPT_METAL STREQUAL "emulated")
  add_executable(nano-gpu-test native/emulate/test/gpu_test.cc native/run/case_file.cc native/gpu/backend.cc)
  add_executable(nano-run-arena native/run/nano_run.cc native/run/case_file.cc native/gpu/backend.cc)
  foreach(target nano-gpu-test nano-run-arena)
    target_link_libraries(${target} PRIVATE nano_core)
    target_compile_options(${target} PRIVATE -UNANO_SANITIZING)
  endforeach()
  set_target_properties(nano-gpu-test nano-run-arena PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/$<IF:$<CONFIG:Debug>,Debug,Release>)
endif()
