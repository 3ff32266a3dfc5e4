// Objective-C++ code uses the C++ exception handler. Each library gets its own copy of this
// function, because each may have its own libstdc++.
asm(R"(
  .text
  .hidden __gnustep_objcxx_personality_v0
  .weak __gnustep_objcxx_personality_v0
  .type __gnustep_objcxx_personality_v0, @function
__gnustep_objcxx_personality_v0:
  jmp __gxx_personality_v0@PLT
)");
