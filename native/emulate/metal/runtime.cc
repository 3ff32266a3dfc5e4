// The runtime functions that Clang's output needs and GCC's libobjc lacks: blocks, autorelease
// pools, ARC entry points, and a bridge that lets the driver, compiled with
// -fobjc-runtime=gnustep-1.9 -fobjc-arc, run on GCC's libobjc. (Clang does not support ARC with
// -fobjc-runtime=gcc.) The bridge implements objc_msgSend with objc_msg_lookup, and registers
// modules with the version number that libobjc expects. Not supported: __weak, and @throw/@catch of
// objects.
#include <dlfcn.h>
#include <objc/message.h>
#include <objc/objc.h>
#include <objc/runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" {
// ---- messages
// Saves every argument register, asks libobjc for the method and jumps to it. In _stret variants the
// address of the result comes first.
asm(R"(
  .macro SAVE_LOOKUP_JUMP
  pushq %rbp
  movq %rsp, %rbp
  subq $192, %rsp
  movups %xmm0, 0(%rsp); movups %xmm1, 16(%rsp); movups %xmm2, 32(%rsp); movups %xmm3, 48(%rsp)
  movups %xmm4, 64(%rsp); movups %xmm5, 80(%rsp); movups %xmm6, 96(%rsp); movups %xmm7, 112(%rsp)
  movq %rdi, 128(%rsp); movq %rsi, 136(%rsp); movq %rdx, 144(%rsp); movq %rcx, 152(%rsp)
  movq %r8, 160(%rsp); movq %r9, 168(%rsp); movq %rax, 176(%rsp)
  .endm
  .macro RESTORE_JUMP
  movq %rax, %r11
  movups 0(%rsp), %xmm0; movups 16(%rsp), %xmm1; movups 32(%rsp), %xmm2; movups 48(%rsp), %xmm3
  movups 64(%rsp), %xmm4; movups 80(%rsp), %xmm5; movups 96(%rsp), %xmm6; movups 112(%rsp), %xmm7
  movq 128(%rsp), %rdi; movq 136(%rsp), %rsi; movq 144(%rsp), %rdx; movq 152(%rsp), %rcx
  movq 160(%rsp), %r8; movq 168(%rsp), %r9; movq 176(%rsp), %rax
  leave
  jmp *%r11
  .endm
  .text
  .globl objc_msgSend
  .type objc_msgSend, @function
objc_msgSend:
  testq %rdi, %rdi
  jz 1f
  SAVE_LOOKUP_JUMP
  call objc_msg_lookup@PLT
  RESTORE_JUMP
1: xorl %eax, %eax
  xorl %edx, %edx
  xorps %xmm0, %xmm0
  xorps %xmm1, %xmm1
  ret
  .globl objc_msgSend_stret
  .type objc_msgSend_stret, @function
objc_msgSend_stret:
  SAVE_LOOKUP_JUMP
  movq %rsi, %rdi
  movq %rdx, %rsi
  call objc_msg_lookup@PLT
  RESTORE_JUMP
)");

struct IvarList {
  int count;
  struct {
    const char *name, *type;
    int offset;
  } at[1];
};
struct ClassDef {  // GCC's class structure, plus the fields that the GNUstep output adds
  ClassDef* isa;
  const char *super_name, *name;
  long version;
  unsigned long info;
  long instance_size;
  IvarList* ivars;
  void *methods, *dtable, *subclasses, *sibling, *protocols, *gc_type;
  long abi;
  int** ivar_offsets;
};
struct Symtab {
  long selectors;
  void* refs;
  short classes, categories;
  void* defs[1];
};
struct Module {
  unsigned long version, size;
  const char* name;
  Symtab* symtab;
};
static bool adopt(Module* m) {  // false: a superclass is not registered yet
  Symtab* t = m->symtab;
  for (int i = 0; i < t->classes; ++i) {
    auto* c = (ClassDef*)t->defs[i];
    if (c->instance_size > 0) continue;  // compiled for GCC's runtime
    Class super = (Class)objc_lookUpClass(c->super_name);
    if (!super) return false;
    long base =
        (long)class_getInstanceSize(super);  // non-fragile: size and offsets are relative to the superclass's end
    c->instance_size = base - c->instance_size;
    for (int k = 0; c->ivars && k < c->ivars->count; ++k) *c->ivar_offsets[k] = c->ivars->at[k].offset += (int)base;
  }
  static void (*real)(void*) =
      (void (*)(void*))dlsym(dlopen("libobjc.so.4", RTLD_NOLOAD | RTLD_NOW), "__objc_exec_class");
  auto* copy = new Module(*m);
  copy->version = 8;
  copy->size = sizeof(Module);
  real(copy);
  return true;
}
void __objc_exec_class(void* m) {  // called by each object file's constructor, in link order
  static std::vector<Module*> waiting;
  waiting.push_back((Module*)m);
  for (size_t i = 0; i < waiting.size();)
    if (adopt(waiting[i])) {
      waiting.erase(waiting.begin() + i);
      i = 0;
    } else
      ++i;
}

struct Slot {
  Class owner, cached_for;
  const char* types;
  int version;
  IMP method;
};  // what GNUstep's [super ...] looks up
Slot* objc_slot_lookup_super(struct objc_super* s, SEL sel) {
  static thread_local Slot slot;
  slot.method = objc_msg_lookup_super(s, sel);
  return &slot;
}

// ---- reference counts
static id send(id o, const char* sel) {
  SEL s = sel_registerName(sel);
  return o ? ((id(*)(id, SEL))objc_msg_lookup(o, s))(o, s) : nil;
}
extern void *_NSConcreteStackBlock[32], *_NSConcreteGlobalBlock[32], *_NSConcreteMallocBlock[32];
void* _Block_copy(const void*);
void _Block_release(const void*);
static bool is_block(id o) {  // ARC retains and releases blocks as objects
  void** isa = o ? *(void***)o : nullptr;
  return isa && (isa == _NSConcreteStackBlock || isa == _NSConcreteGlobalBlock || isa == _NSConcreteMallocBlock);
}
id objc_retain(id o) { return is_block(o) ? (id)_Block_copy(o) : send(o, "retain"); }
void objc_release(id o) {
  if (is_block(o))
    _Block_release(o);
  else
    send(o, "release");
}
id objc_autorelease(id o) { return send(o, "autorelease"); }
id objc_retainAutorelease(id o) { return objc_autorelease(objc_retain(o)); }
id objc_autoreleaseReturnValue(id o) { return objc_autorelease(o); }
id objc_retainAutoreleaseReturnValue(id o) { return objc_retainAutorelease(o); }
id objc_retainAutoreleasedReturnValue(id o) { return objc_retain(o); }
id objc_unsafeClaimAutoreleasedReturnValue(id o) { return o; }
void objc_storeStrong(id* at, id o) {
  id old = *at;
  objc_retain(o);
  *at = o;
  objc_release(old);
}

static thread_local std::vector<id> pool;
void* objc_autoreleasePoolPush() { return (void*)(pool.size() + 1); }
void objc_autoreleasePoolPop(void* mark) {
  while (pool.size() >= (size_t)mark) {
    id o = pool.back();
    pool.pop_back();
    objc_release(o);
  }
}
void emu_autorelease(id o) { pool.push_back(o); }

// ---- blocks (the public ABI)
struct Descriptor {
  unsigned long reserved, size;
  void (*copy)(void*, const void*);
  void (*dispose)(const void*);
};
struct Block {
  void* isa;
  int flags, reserved;
  void (*invoke)();
  Descriptor* descriptor;
};
enum { kCountMask = 0xfffe, kNeedsFree = 1 << 24, kHasCopyDispose = 1 << 25, kIsGlobal = 1 << 28 };
struct ByRef {
  void* isa;
  ByRef* forwarding;
  int flags;
  unsigned size;
  void (*keep)(void*, void*);
  void (*destroy)(void*);
};
void* _NSConcreteStackBlock[32];
void* _NSConcreteGlobalBlock[32];
void* _NSConcreteMallocBlock[32];

void* _Block_copy(const void* p) {
  auto* b = (Block*)p;
  if (!b || b->flags & kIsGlobal) return b;
  if (b->flags & kNeedsFree) {
    b->flags += 2;
    return b;
  }
  auto* c = (Block*)malloc(b->descriptor->size);
  memcpy(c, b, b->descriptor->size);
  c->isa = _NSConcreteMallocBlock;
  c->flags = (c->flags & ~kCountMask) | kNeedsFree | 2;
  if (c->flags & kHasCopyDispose) c->descriptor->copy(c, b);
  return c;
}
void _Block_release(const void* p) {
  auto* b = (Block*)p;
  if (!b || !(b->flags & kNeedsFree) || ((b->flags -= 2) & kCountMask)) return;
  if (b->flags & kHasCopyDispose) b->descriptor->dispose(b);
  free(b);
}
id objc_retainBlock(id b) { return (id)_Block_copy(b); }
// kinds: 3 object, 7 block, 8 __block variable; +128: called from within a __block variable's own helper
void _Block_object_assign(void* to, const void* from, int kind) {
  void*& dst = *(void**)to;
  if ((kind & 15) == 8) {
    auto* r = ((ByRef*)from)->forwarding;
    if (!(r->flags & kNeedsFree)) {
      auto* c = (ByRef*)malloc(r->size);
      memcpy(c, r, r->size);
      c->flags |= kNeedsFree | 4;  // one reference each for the stack and this block
      c->forwarding = r->forwarding = c;
      if (c->flags & kHasCopyDispose) c->keep(c, r);
    } else
      r->flags += 2;
    dst = r->forwarding;
  } else if (kind & 128)
    dst = (void*)from;
  else
    dst = (kind & 7) == 7 ? _Block_copy(from) : (void*)objc_retain((id)from);
}
void _Block_object_dispose(const void* p, int kind) {
  if ((kind & 15) == 8) {
    auto* r = ((ByRef*)p)->forwarding;
    if (!(r->flags & kNeedsFree) || ((r->flags -= 2) & kCountMask)) return;
    if (r->flags & kHasCopyDispose) r->destroy(r);
    free(r);
  } else if (kind & 128)
    return;
  else if ((kind & 7) == 7)
    _Block_release(p);
  else
    objc_release((id)p);
}
}
