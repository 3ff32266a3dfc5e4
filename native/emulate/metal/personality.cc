// The C++ exceptions of Objective-C++ code are C++'s own. In each library for itself: each may have its own copy of
// libstdc++.
asm(R"(
  .text
  .hidden __gnustep_objcxx_personality_v0
  .weak __gnustep_objcxx_personality_v0
  .type __gnustep_objcxx_personality_v0, @function
__gnustep_objcxx_personality_v0:
  jmp __gxx_personality_v0@PLT
)");
