# Emulates Metal on Linux: Clang compiles the Objective-C++ drivers against stub frameworks, and
# they run on an emulated GPU (docs/gpu-testing.md). Requires Clang 17 or newer, GCC's libobjc with
# its headers, and Node.
find_program(NANO_OBJCXX_COMPILER NAMES clang++-19 clang++-18 clang++-17 clang++
             DOC "compiles Objective-C++ for the emulated Metal")
set(CMAKE_OBJCXX_COMPILER ${NANO_OBJCXX_COMPILER})
enable_language(OBJCXX)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-libgcc-file-name OUTPUT_VARIABLE NANO_LIBGCC
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
get_filename_component(NANO_LIBGCC ${NANO_LIBGCC} DIRECTORY)  # contains libobjc and objc/objc.h
find_program(NANO_NODE NAMES node REQUIRED)
string(REPLACE "clang++" "clang" NANO_CLANG ${NANO_OBJCXX_COMPILER})
set(NANO_EMULATE ${CMAKE_CURRENT_LIST_DIR})
set(NANO_OBJCXX_FLAGS -fblocks -fconstant-string-class=NSConstantString -Wno-unknown-warning-option)

# A shared library, because compiled shaders, which are shared libraries too, find its functions by
# name, whatever loaded it. Its internal C++ symbols are hidden.
set(NANO_METAL_INTERNALS common/faults.cc common/fibres.cc common/memory.cc common/races.cc msl/dispatch.cc
    metal/library.cc)
list(TRANSFORM NANO_METAL_INTERNALS PREPEND ${NANO_EMULATE}/)
set_source_files_properties(${NANO_METAL_INTERNALS} PROPERTIES COMPILE_OPTIONS "-fvisibility=hidden;-march=x86-64-v3")
add_library(nano_metal_emulator SHARED ${NANO_METAL_INTERNALS} ${NANO_EMULATE}/metal/runtime.cc
            ${NANO_EMULATE}/metal/personality.cc ${NANO_EMULATE}/metal/foundation.mm ${NANO_EMULATE}/metal/metal.mm)
set_target_properties(nano_metal_emulator PROPERTIES CXX_VISIBILITY_PRESET default OBJCXX_VISIBILITY_PRESET default
                      VISIBILITY_INLINES_HIDDEN OFF OBJCXX_STANDARD 20 OBJCXX_STANDARD_REQUIRED ON)
target_include_directories(nano_metal_emulator PRIVATE ${NANO_EMULATE} ${NANO_EMULATE}/metal)
target_compile_options(nano_metal_emulator PRIVATE -O2 -g1 -Wno-unused-parameter
                       "SHELL:-idirafter ${NANO_LIBGCC}/include")
# The stub classes count references by hand: Clang has no ARC for GCC's libobjc.
target_compile_options(nano_metal_emulator PRIVATE
                       "$<$<COMPILE_LANGUAGE:OBJCXX>:-fobjc-runtime=gcc;${NANO_OBJCXX_FLAGS}>")
list(JOIN NANO_METAL_FRAMEWORKS " " NANO_FRAMEWORK_NAMES)
target_compile_definitions(nano_metal_emulator PRIVATE NANO_MSL_FOLDER="${NANO_EMULATE}/msl"
                           NANO_MSL_CLANG="${NANO_CLANG}" NANO_NODE="${NANO_NODE}"
                           NANO_SHADER_FOLDER="${CMAKE_BINARY_DIR}/shaders" NANO_FRAMEWORKS="${NANO_FRAMEWORK_NAMES}")
target_link_libraries(nano_metal_emulator PUBLIC ${NANO_LIBGCC}/libobjc.so ${CMAKE_DL_LIBS})

# nano_emulate_metal(TARGET): compiles the target's .mm files for the emulated Metal and links the
# emulator. These files use the GNUstep runtime, which has ARC; metal/runtime.cc lets it run on
# libobjc.
function(nano_emulate_metal target)
  set_target_properties(${target} PROPERTIES OBJCXX_STANDARD 20 OBJCXX_STANDARD_REQUIRED ON OBJCXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:OBJCXX>:-fobjc-runtime=gnustep-1.9;-fobjc-arc;${NANO_OBJCXX_FLAGS}>"
    "$<$<COMPILE_LANGUAGE:OBJCXX>:SHELL:-idirafter ${NANO_LIBGCC}/include>"
    "$<$<COMPILE_LANGUAGE:OBJCXX>:SHELL:-isystem ${NANO_EMULATE}/metal>")
  target_sources(${target} PRIVATE ${NANO_EMULATE}/metal/personality.cc)
  target_link_libraries(${target} PUBLIC nano_metal_emulator)
endfunction()

# The emulator's own test, and a program that compiles all shaders of the backend ahead of time.
add_executable(nano-msl-test native/emulate/test/msl/msl_test.mm)
target_compile_definitions(nano-msl-test PRIVATE NANO_MSL_TESTS="${NANO_EMULATE}/test/msl" NANO_NODE="${NANO_NODE}")
add_executable(nano-metal-compile native/emulate/metal/compile_all.mm)
target_link_libraries(nano-metal-compile PRIVATE nano_core)
foreach(target nano-msl-test nano-metal-compile)
  nano_emulate_metal(${target})
  set_target_properties(${target} PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/$<IF:$<CONFIG:Debug>,Debug,Release>)
endforeach()
