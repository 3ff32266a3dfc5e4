// A Node addon with one function for soak.js: how many bytes of malloc() are in use. Unlike the
// resident memory, they don't depend on when the allocator returns memory to the system.
#include <malloc.h>
#include <node_api.h>

static napi_value Allocated(napi_env env, napi_callback_info info) {
  const struct mallinfo2 now = mallinfo2();  // of all arenas
  napi_value bytes = NULL;
  napi_create_double(env, (double)now.uordblks + (double)now.hblkhd, &bytes);
  return bytes;
}

NAPI_MODULE_INIT() {
  napi_value function = NULL;
  napi_create_function(env, "allocated", NAPI_AUTO_LENGTH, Allocated, NULL, &function);
  return function;
}
