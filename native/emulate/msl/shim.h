// The part of Metal's language and library that kernels use, in "C++ for OpenCL" (clang -x clcpp
// -cl-std=clc++2021). It is included before the rewritten shader, which compile.js compiles twice:
//  * to run it, with the generic address space on (clang cannot copy structs without it);
//  * to validate it (MSL_STRICT), with the generic address space off. An unqualified pointer or an
//    unqualified member function then means `thread`, as in Metal: `device float*` does not convert to
//    `float*`, and p->f() on a device object needs `f() const device`. Errors about copying structs are
//    ignored in this mode.
// Program-scope globals are off in both, so only `constant` may be at namespace scope. Everything
// that involves more than one thread calls dispatch.cc. The compiler rejects what is missing here.
// Where Metal's rules depend on the GPU or are unclear, this file follows the narrowest reading.
#pragma once
#pragma clang system_header  // no warnings from here
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#define device __global
#define constant __constant
#define threadgroup __local
#define thread __private

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned long size_t;
typedef long ptrdiff_t;
typedef unsigned long uint64_t;
typedef long int64_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef unsigned char uint8_t;
typedef signed char int8_t;
#if MSL_BFLOAT  // Metal 3.1
typedef __bf16 bfloat;
#endif

#define MSL_INLINE inline __attribute__((always_inline))

// A struct's implicit copies use the generic address space, which excludes `constant`. rewrite.js
// inserts this into every struct of the shader. Everything is defaulted, so the struct stays an
// aggregate.
#ifdef MSL_STRICT
#define MSL_COPYABLE(S)
#else
#define MSL_COPYABLE(S)             \
  S(const S&) = default;            \
  S(S&&) = default;                 \
  S(const constant S&) = default;   \
  S& operator=(const S&) = default; \
  S& operator=(const constant S&) = default;
#endif

// ---- Vectors.
namespace metal {
template <class T, int N>
using vec = T __attribute__((ext_vector_type(N)));

// Makes a vector from components and smaller vectors, from one scalar, or from a vector of the same
// size.
template <class T, int N>
struct make_ {
  static void put(thread vec<T, N>& r, thread int& i, T v) { r[i++] = v; }
  template <class U, int M>
  static void put(thread vec<T, N>& r, thread int& i, vec<U, M> v) {
    for (int k = 0; k < M; ++k) r[i++] = (T)v[k];
  }
};
template <class T, int N>
vec<T, N> make(T s) {
  vec<T, N> r;
  for (int i = 0; i < N; ++i) r[i] = s;
  return r;
}
template <class T, int N, class U>
vec<T, N> make(vec<U, N> v) {
  return __builtin_convertvector(v, vec<T, N>);
}
template <class T>
struct shape_ {  // for a scalar, and for a vector
  typedef T component;
  static constexpr constant int n = 1;
};
template <class T, int N>
struct shape_<vec<T, N>> {
  typedef T component;
  static constexpr constant int n = N;
};
template <class T, int N, class A, class B, class... R>
vec<T, N> make(A a, B b, R... rest) {
  static_assert(shape_<A>::n + shape_<B>::n + (0 + ... + shape_<R>::n) == N, "wrong number of vector components");
  vec<T, N> r;
  int i = 0;
  make_<T, N>::put(r, i, a);
  make_<T, N>::put(r, i, b);
  (make_<T, N>::put(r, i, rest), ...);
  return r;
}

// A packed 3-vector has 3*sizeof(T) bytes, unlike any ext_vector, so it is a struct with each
// member in every address space.
template <class T>
struct packed_vec3 {
  packed_vec3() = default;
  packed_vec3(T a, T b, T c) : x(a), y(b), z(c) {}
  packed_vec3(vec<T, 3> v) : x(v.x), y(v.y), z(v.z) {}
  MSL_COPYABLE(packed_vec3)
  T x, y, z;
#define MSL_PACKED3(AS)                               \
  operator vec<T, 3>() const AS { return {x, y, z}; } \
  T operator[](int i) const AS { return i == 0 ? x : i == 1 ? y : z; }
  MSL_PACKED3(thread)
  MSL_PACKED3(device)
  MSL_PACKED3(threadgroup)
  MSL_PACKED3(constant)
#undef MSL_PACKED3
#define MSL_PACKED3(AS)            \
  void operator=(vec<T, 3> v) AS { \
    x = v.x;                       \
    y = v.y;                       \
    z = v.z;                       \
  }
#ifdef MSL_STRICT  // (in the other mode one operator covers all spaces, and these would be ambiguous)
  MSL_PACKED3(thread)
  MSL_PACKED3(device)
  MSL_PACKED3(threadgroup)
#else
  MSL_PACKED3()
#endif
#undef MSL_PACKED3
};
#define MSL_UNPACK(AS)                                          \
  template <class T, int N>                                     \
  vec<T, N> make(const AS packed_vec3<T>& v) {                  \
    static_assert(N == 3, "wrong number of vector components"); \
    return {v.x, v.y, v.z};                                     \
  }
#ifdef MSL_STRICT
MSL_UNPACK(thread)
MSL_UNPACK(device)
MSL_UNPACK(threadgroup)
#else
MSL_UNPACK()
#endif
MSL_UNPACK(constant)
#undef MSL_UNPACK
}  // namespace metal

#define MSL_VECTORS(T)                                                             \
  typedef metal::vec<T, 2> T##2;                                                   \
  typedef metal::vec<T, 3> T##3;                                                   \
  typedef metal::vec<T, 4> T##4;                                                   \
  typedef T packed_##T##2 __attribute__((ext_vector_type(2), aligned(sizeof(T)))); \
  typedef T packed_##T##4 __attribute__((ext_vector_type(4), aligned(sizeof(T)))); \
  typedef metal::packed_vec3<T> packed_##T##3;
MSL_VECTORS(float)
MSL_VECTORS(half)
MSL_VECTORS(int)
MSL_VECTORS(uint)
MSL_VECTORS(short)
MSL_VECTORS(ushort)
MSL_VECTORS(char)
MSL_VECTORS(uchar)
MSL_VECTORS(long)
MSL_VECTORS(ulong)
#if MSL_BFLOAT
MSL_VECTORS(bfloat)
#endif

// ---- Functions of dispatch.cc, which uses the same numbers for types and operations.
struct msl_context {
  uint thread_position_in_grid[3], thread_position_in_threadgroup[3], threadgroup_position_in_grid[3];
  uint threads_per_threadgroup[3], dispatch_threads_per_threadgroup[3], threadgroups_per_grid[3], threads_per_grid[3];
  uint thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  uint simdgroups_per_threadgroup, threads_per_simdgroup;
};
#define MSL_TOGETHER __attribute__((convergent, nomerge))  // keeps two calls in the source separate
extern "C" {
const thread msl_context* msl_get_context(void);
ulong msl_arg_buffer(uint index);
ulong msl_arg_threadgroup(uint index);
threadgroup void* msl_tg_var(uint slot, ulong bytes);
MSL_TOGETHER void msl_threadgroup_barrier(uint flags);
MSL_TOGETHER void msl_simdgroup_barrier(uint flags);
MSL_TOGETHER void msl_simd(int op, int type, thread void* values, int count, uint argument, uint width);
MSL_TOGETHER void msl_matrix_load(thread void* to, int type, ulong memory, ulong stride, ulong x, ulong y,
                                  int transpose);
MSL_TOGETHER void msl_matrix_store(const thread void* from, int type, ulong memory, ulong stride, ulong x, ulong y,
                                   int transpose);
MSL_TOGETHER void msl_matrix_multiply(thread void* to, int type, const thread void* a, int type_a, const thread void* b,
                                      int type_b, const thread void* c, int type_c);
ulong msl_atomic(int op, int type, ulong address, uint value, uint expected);
}

namespace metal {
// ---- Type traits.
template <class A, class B>
struct is_same {
  static constexpr constant bool value = false;
};
template <class A>
struct is_same<A, A> {
  static constexpr constant bool value = true;
};
template <class A, class B>
constexpr constant bool is_same_v = is_same<A, B>::value;
template <bool C, class A, class B>
struct conditional {
  typedef A type;
};
template <class A, class B>
struct conditional<false, A, B> {
  typedef B type;
};
template <bool C, class A, class B>
using conditional_t = typename conditional<C, A, B>::type;
template <bool C, class T = void>
struct enable_if {};
template <class T>
struct enable_if<true, T> {
  typedef T type;
};
template <bool C, class T = void>
using enable_if_t = typename enable_if<C, T>::type;

template <class T>
struct number_;  // identifies a scalar type to dispatch.cc
#define MSL_NUMBER(T, V)                 \
  template <>                            \
  struct number_<T> {                    \
    static constexpr constant int v = V; \
  };
MSL_NUMBER(float, 0)
MSL_NUMBER(half, 1)
#if MSL_BFLOAT
MSL_NUMBER(bfloat, 2)
#endif
MSL_NUMBER(int, 3)
MSL_NUMBER(uint, 4)
MSL_NUMBER(short, 5)
MSL_NUMBER(ushort, 6)
MSL_NUMBER(char, 7)
MSL_NUMBER(uchar, 8)

template <class To, class From>
MSL_INLINE To as_type_(From f) {
  static_assert(sizeof(To) == sizeof(From), "as_type needs equal sizes");
  To t;
  __builtin_memcpy(&t, &f, sizeof t);
  return t;
}

// ---- Barriers.
enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
constexpr mem_flags operator|(mem_flags a, mem_flags b) { return (mem_flags)((int)a | (int)b); }
MSL_INLINE void threadgroup_barrier(mem_flags f) { msl_threadgroup_barrier((uint)f); }
MSL_INLINE void simdgroup_barrier(mem_flags f) { msl_simdgroup_barrier((uint)f); }

// ---- Functions of a simdgroup, or of four consecutive threads. No 64-bit numbers, no bfloats.
template <class T>
struct exchanged_ {
  static_assert(number_<T>::v != 2, "simd_ functions of bfloat: convert to float");
  static constexpr constant int v = number_<T>::v;
};
template <class T>
struct bits_only_ {
  static_assert(number_<T>::v > 2, "of integers only");
  static constexpr constant int v = number_<T>::v;
};
#define MSL_SIMD(name, op, numbers, width)                                               \
  template <class T>                                                                     \
  MSL_INLINE T name(T v) {                                                               \
    msl_simd(op, numbers<typename shape_<T>::component>::v, &v, shape_<T>::n, 0, width); \
    return v;                                                                            \
  }
#define MSL_SIMD_ARGUMENT(name, op, width)                                                  \
  template <class T>                                                                        \
  MSL_INLINE T name(T v, ushort k) {                                                        \
    msl_simd(op, exchanged_<typename shape_<T>::component>::v, &v, shape_<T>::n, k, width); \
    return v;                                                                               \
  }
#define MSL_SIMD_AND_QUAD(name, op, numbers) \
  MSL_SIMD(simd_##name, op, numbers, 32)     \
  MSL_SIMD(quad_##name, op, numbers, 4)
#define MSL_SIMD_AND_QUAD_ARGUMENT(name, op) \
  MSL_SIMD_ARGUMENT(simd_##name, op, 32)     \
  MSL_SIMD_ARGUMENT(quad_##name, op, 4)
MSL_SIMD_AND_QUAD(sum, 0, exchanged_)
MSL_SIMD_AND_QUAD(product, 1, exchanged_)
MSL_SIMD_AND_QUAD(max, 2, exchanged_)
MSL_SIMD_AND_QUAD(min, 3, exchanged_)
MSL_SIMD_AND_QUAD(and, 4, bits_only_)
MSL_SIMD_AND_QUAD(or, 5, bits_only_)
MSL_SIMD_AND_QUAD(xor, 6, bits_only_)
MSL_SIMD(simd_prefix_inclusive_sum, 7, exchanged_, 32)
MSL_SIMD(simd_prefix_exclusive_sum, 8, exchanged_, 32)
MSL_SIMD(simd_prefix_inclusive_product, 9, exchanged_, 32)
MSL_SIMD(simd_prefix_exclusive_product, 10, exchanged_, 32)
MSL_SIMD_AND_QUAD(broadcast_first, 11, exchanged_)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle, 12)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle_xor, 13)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle_up, 14)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle_down, 15)
MSL_SIMD_AND_QUAD_ARGUMENT(broadcast, 16)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle_rotate_up, 17)
MSL_SIMD_AND_QUAD_ARGUMENT(shuffle_rotate_down, 18)

struct simd_vote {
  typedef ulong vote_t;
  simd_vote() = default;
  MSL_COPYABLE(simd_vote)
  explicit simd_vote(vote_t votes) : msl_votes(votes) {}
  explicit operator vote_t() const { return msl_votes; }
  bool any() const { return msl_votes != 0; }
  bool all() const { return msl_votes == 0xFFFFFFFFul; }
  vote_t msl_votes;
};
MSL_INLINE simd_vote simd_ballot(bool b) {
  uint v = b;
  msl_simd(19, 4, &v, 1, 0, 32);
  simd_vote r;
  r.msl_votes = v;
  return r;
}
MSL_INLINE bool simd_any(bool b) { return simd_or((uint)b) != 0; }
MSL_INLINE bool simd_all(bool b) { return simd_and((uint)b) != 0; }
MSL_INLINE bool simd_is_first() { return msl_get_context()->thread_index_in_simdgroup == 0; }

// ---- Matrices. Each lane holds two elements, in an order private to dispatch.cc.
// thread_elements() is missing, because Metal does not specify its order.
template <class T, int C, int R>
struct simdgroup_matrix {
  static_assert(C == 8 && R == 8, "only 8x8 exists");
  static_assert(number_<T>::v <= 2, "of floats only");
  T msl_elements[2];
  simdgroup_matrix() = default;
  MSL_COPYABLE(simdgroup_matrix)
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
#if MSL_BFLOAT
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;
#endif
template <class T, int C, int R>
MSL_INLINE simdgroup_matrix<T, C, R> make_filled_simdgroup_matrix(T v) {
  simdgroup_matrix<T, C, R> m;
  m.msl_elements[0] = v;
  m.msl_elements[1] = v;
  return m;
}
#define MSL_MATRIX_MEMORY(AS)                                                                                       \
  template <class T>                                                                                                \
  MSL_INLINE void simdgroup_load(thread simdgroup_matrix<T, 8, 8>& d, const AS T* p, ulong stride = 8,              \
                                 vec<ulong, 2> origin = 0, bool transpose = false) {                                \
    msl_matrix_load(&d, number_<T>::v, (ulong)p, stride, origin.x, origin.y, transpose);                            \
  }                                                                                                                 \
  template <class T>                                                                                                \
  MSL_INLINE void simdgroup_store(simdgroup_matrix<T, 8, 8> s, AS T* p, ulong stride = 8, vec<ulong, 2> origin = 0, \
                                  bool transpose = false) {                                                         \
    msl_matrix_store(&s, number_<T>::v, (ulong)p, stride, origin.x, origin.y, transpose);                           \
  }
MSL_MATRIX_MEMORY(device)
MSL_MATRIX_MEMORY(threadgroup)
template <class D, class A, class B, class C>
MSL_INLINE void simdgroup_multiply_accumulate(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a,
                                              simdgroup_matrix<B, 8, 8> b, simdgroup_matrix<C, 8, 8> c) {
  msl_matrix_multiply(&d, number_<D>::v, &a, number_<A>::v, &b, number_<B>::v, &c, number_<C>::v);
}
template <class D, class A, class B>
MSL_INLINE void simdgroup_multiply(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a,
                                   simdgroup_matrix<B, 8, 8> b) {
  simdgroup_matrix<D, 8, 8> zero;
  zero.msl_elements[0] = zero.msl_elements[1] = (D)0;
  simdgroup_multiply_accumulate(d, a, b, zero);
}

// ---- Atomics, relaxed only. Floats only in device memory, and only those of Metal 3.0; 64-bit
// ones need an M2.
#define atomic_int msl_atomic_int  // OpenCL has types of these names
#define atomic_uint msl_atomic_uint
#define atomic_float msl_atomic_float
enum memory_order { memory_order_relaxed };
template <class T>
struct atomic {
  static_assert(is_same_v<T, int> || is_same_v<T, uint> || is_same_v<T, float>, "no such atomic");
  T msl_value;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<float> atomic_float;
template <class T>
struct same_ {
  typedef T type;
};
template <class T, bool allowed>
struct atomic_number_ {
  static_assert(!is_same_v<T, float> || allowed, "an atomic operation that floats do not have there");
  static constexpr constant int v = number_<T>::v;
};
#define MSL_ATOMIC(AS, name, op, of_floats)                                                                    \
  template <class T>                                                                                           \
  MSL_INLINE T atomic_##name##_explicit(volatile AS atomic<T>* p, typename same_<T>::type v, memory_order) {   \
    return as_type_<T>((uint)msl_atomic(op, atomic_number_<T, of_floats>::v, (ulong)p, as_type_<uint>(v), 0)); \
  }
#define MSL_ATOMICS(AS, of_floats)                                                                               \
  MSL_ATOMIC(AS, exchange, 2, of_floats)                                                                         \
  MSL_ATOMIC(AS, fetch_add, 3, of_floats)                                                                        \
  MSL_ATOMIC(AS, fetch_sub, 4, of_floats)                                                                        \
  MSL_ATOMIC(AS, fetch_and, 5, false)                                                                            \
  MSL_ATOMIC(AS, fetch_or, 6, false)                                                                             \
  MSL_ATOMIC(AS, fetch_xor, 7, false)                                                                            \
  MSL_ATOMIC(AS, fetch_min, 8, false)                                                                            \
  MSL_ATOMIC(AS, fetch_max, 9, false)                                                                            \
  template <class T>                                                                                             \
  MSL_INLINE T atomic_load_explicit(const volatile AS atomic<T>* p, memory_order) {                              \
    return as_type_<T>((uint)msl_atomic(0, atomic_number_<T, of_floats>::v, (ulong)p, 0, 0));                    \
  }                                                                                                              \
  template <class T>                                                                                             \
  MSL_INLINE void atomic_store_explicit(volatile AS atomic<T>* p, typename same_<T>::type v, memory_order) {     \
    msl_atomic(1, atomic_number_<T, of_floats>::v, (ulong)p, as_type_<uint>(v), 0);                              \
  }                                                                                                              \
  template <class T>                                                                                             \
  MSL_INLINE bool atomic_compare_exchange_weak_explicit(volatile AS atomic<T>* p, thread T* expected,            \
                                                        typename same_<T>::type v, memory_order, memory_order) { \
    const ulong got =                                                                                            \
        msl_atomic(10, atomic_number_<T, of_floats>::v, (ulong)p, as_type_<uint>(v), as_type_<uint>(*expected)); \
    if (!(got >> 32)) return true;                                                                               \
    *expected = as_type_<T>((uint)got);                                                                          \
    return false;                                                                                                \
  }
MSL_ATOMICS(device, true)
MSL_ATOMICS(threadgroup, false)

// ---- Mathematics: float, half (computed in float, rounded once) and vectors of both; no bfloats.
#if MSL_BFLOAT
#define MSL_NOT_OF_BFLOATS(...) __VA_ARGS__
#else
#define MSL_NOT_OF_BFLOATS(...)
#endif
#define MSL_F1(name, expression)                                \
  MSL_NOT_OF_BFLOATS(bfloat name(bfloat) = delete;)             \
  MSL_INLINE float name(float x) { return expression; }         \
  MSL_INLINE half name(half x) { return (half)name((float)x); } \
  template <class T, int N>                                     \
  MSL_INLINE vec<T, N> name(vec<T, N> v) {                      \
    for (int i = 0; i < N; ++i) v[i] = name((T)v[i]);           \
    return v;                                                   \
  }
#define MSL_F2(name, expression)                                                  \
  MSL_NOT_OF_BFLOATS(bfloat name(bfloat, bfloat) = delete;)                       \
  MSL_INLINE float name(float x, float y) { return expression; }                  \
  MSL_INLINE half name(half x, half y) { return (half)name((float)x, (float)y); } \
  template <class T, int N>                                                       \
  MSL_INLINE vec<T, N> name(vec<T, N> a, vec<T, N> b) {                           \
    for (int i = 0; i < N; ++i) a[i] = name((T)a[i], (T)b[i]);                    \
    return a;                                                                     \
  }
#define MSL_MATH                           \
  MSL_F1(exp, __builtin_expf(x))           \
  MSL_F1(exp2, __builtin_exp2f(x))         \
  MSL_F1(exp10, __builtin_powf(10.0f, x))  \
  MSL_F1(log, __builtin_logf(x))           \
  MSL_F1(log2, __builtin_log2f(x))         \
  MSL_F1(log10, __builtin_log10f(x))       \
  MSL_F1(sin, __builtin_sinf(x))           \
  MSL_F1(cos, __builtin_cosf(x))           \
  MSL_F1(tan, __builtin_tanf(x))           \
  MSL_F1(asin, __builtin_asinf(x))         \
  MSL_F1(acos, __builtin_acosf(x))         \
  MSL_F1(atan, __builtin_atanf(x))         \
  MSL_F1(sinh, __builtin_sinhf(x))         \
  MSL_F1(cosh, __builtin_coshf(x))         \
  MSL_F1(tanh, __builtin_tanhf(x))         \
  MSL_F1(sqrt, __builtin_sqrtf(x))         \
  MSL_F1(rsqrt, 1.0f / __builtin_sqrtf(x)) \
  MSL_F2(pow, __builtin_powf(x, y))        \
  MSL_F2(powr, __builtin_powf(x, y))       \
  MSL_F2(atan2, __builtin_atan2f(x, y))    \
  MSL_F2(divide, x / y)
MSL_MATH
namespace fast {  // both variants use libm: the accuracy of GPU functions is not modelled
MSL_MATH
}
namespace precise {
MSL_MATH
}
MSL_F1(fabs, __builtin_fabsf(x))
MSL_F1(floor, __builtin_floorf(x))
MSL_F1(ceil, __builtin_ceilf(x))
MSL_F1(trunc, __builtin_truncf(x))
MSL_F1(round, __builtin_roundf(x))
MSL_F1(rint, __builtin_rintf(x))
MSL_F1(fract, x - __builtin_floorf(x))
MSL_F1(saturate, __builtin_fminf(__builtin_fmaxf(x, 0.0f), 1.0f))
MSL_F1(sign, x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f)
MSL_F2(fmin, __builtin_fminf(x, y))
MSL_F2(fmax, __builtin_fmaxf(x, y))
MSL_F2(fmod, __builtin_fmodf(x, y))
MSL_F2(copysign, __builtin_copysignf(x, y))
MSL_F2(step, y < x ? 0.0f : 1.0f)
MSL_F2(fdim, x > y ? x - y : 0.0f)
MSL_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
MSL_INLINE half fma(half a, half b, half c) { return (half)__builtin_fmaf((float)a, (float)b, (float)c); }
template <class T, int N>
MSL_INLINE vec<T, N> fma(vec<T, N> a, vec<T, N> b, vec<T, N> c) {
  for (int i = 0; i < N; ++i) a[i] = fma((T)a[i], (T)b[i], (T)c[i]);
  return a;
}
MSL_INLINE float ldexp(float x, int k) { return __builtin_ldexpf(x, k); }
MSL_INLINE bool isnan(float x) { return __builtin_isnan(x); }
MSL_INLINE bool isinf(float x) { return __builtin_isinf(x); }
MSL_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }

// All arguments have one type T, possibly a vector: Metal rejects mixed types as ambiguous, and
// nothing is deduced here.
template <class T>
MSL_INLINE T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
MSL_INLINE T max(T a, T b) {
  return a < b ? b : a;
}
template <class T>
MSL_INLINE T abs(T a) {
  static_assert((T)(-1) < (T)0, "abs of an unsigned number");
  return a < (T)0 ? -a : a;
}
template <class T, int N>
MSL_INLINE vec<T, N> abs(vec<T, N> a) {
  for (int i = 0; i < N; ++i) a[i] = abs((T)a[i]);
  return a;
}
template <class T>
MSL_INLINE T clamp(T x, T lo, T hi) {
  return min(max(x, lo), hi);
}
template <class T>
MSL_INLINE T mix(T a, T b, T t) {
  return a + (b - a) * t;
}
template <class T>
MSL_INLINE T select(T a, T b, bool c) {
  return c ? b : a;
}
template <class T, int N, class M>
MSL_INLINE vec<T, N> select(vec<T, N> a, vec<T, N> b, vec<M, N> c) {
  return c ? b : a;
}
template <class M, int N>
MSL_INLINE bool any(vec<M, N> m) {
  bool r = false;
  for (int i = 0; i < N; ++i) r |= m[i] != 0;
  return r;
}
template <class M, int N>
MSL_INLINE bool all(vec<M, N> m) {
  bool r = true;
  for (int i = 0; i < N; ++i) r &= m[i] != 0;
  return r;
}
template <class T, int N>
MSL_INLINE T dot(vec<T, N> a, vec<T, N> b) {
  T s = 0;
  for (int i = 0; i < N; ++i) s += a[i] * b[i];
  return s;
}
template <int N>
MSL_INLINE float length(vec<float, N> a) {
  return sqrt(dot(a, a));
}
template <int N>
MSL_INLINE vec<float, N> normalize(vec<float, N> a) {
  return a * rsqrt(dot(a, a));
}

// ---- Integers and bits.
MSL_INLINE uint popcount(uint x) { return (uint)__builtin_popcount(x); }
MSL_INLINE ulong popcount(ulong x) { return (ulong)__builtin_popcountl(x); }
MSL_INLINE uint clz(uint x) { return x ? (uint)__builtin_clz(x) : 32u; }
MSL_INLINE uint ctz(uint x) { return x ? (uint)__builtin_ctz(x) : 32u; }
MSL_INLINE uint reverse_bits(uint x) { return __builtin_bitreverse32(x); }
MSL_INLINE uint rotate(uint x, uint k) {
  k &= 31;
  return k ? x << k | x >> (32 - k) : x;
}
MSL_INLINE uint mulhi(uint a, uint b) { return (uint)((ulong)a * b >> 32); }
MSL_INLINE int mulhi(int a, int b) { return (int)((long)a * b >> 32); }
MSL_INLINE ulong mulhi(ulong a, ulong b) { return (ulong)((unsigned __int128)a * b >> 64); }
MSL_INLINE uint extract_bits(uint x, uint offset, uint n) { return n ? x >> offset & (~0u >> (32 - n)) : 0u; }
MSL_INLINE uint insert_bits(uint base, uint bits, uint offset, uint n) {
  uint m = n ? (~0u >> (32 - n)) << offset : 0u;
  return (base & ~m) | (bits << offset & m);
}

template <class T>
struct numeric_limits;
template <>
struct numeric_limits<float> {
  static constexpr float max() { return __FLT_MAX__; }
  static constexpr float min() { return __FLT_MIN__; }
  static constexpr float lowest() { return -__FLT_MAX__; }
  static constexpr float epsilon() { return __FLT_EPSILON__; }
  static constexpr float infinity() { return __builtin_inff(); }
};
template <>
struct numeric_limits<uint> {
  static constexpr uint max() { return ~0u; }
  static constexpr uint min() { return 0; }
};
template <>
struct numeric_limits<int> {
  static constexpr int max() { return __INT_MAX__; }
  static constexpr int min() { return -__INT_MAX__ - 1; }
};
}  // namespace metal

template <class To, class From>
MSL_INLINE To as_type(From f) {
  return metal::as_type_<To, From>(f);
}

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX __FLT_MAX__
#define FLT_MIN __FLT_MIN__
#define FLT_EPSILON __FLT_EPSILON__
#define HALF_MAX ((half)65504.0f)
#define INT_MAX __INT_MAX__
#define INT_MIN (-__INT_MAX__ - 1)
#define UINT_MAX (~0u)
#define M_PI_F 3.14159265358979323846f
#define M_SQRT1_2_F 0.707106781186547524401f
#define M_SQRT2_F 1.41421356237309504880f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LN2_F 0.693147180559945309417f

// ---- How the wrappers made by rewrite.js fetch a kernel's arguments.
template <class T>
struct msl_position;  // makes uint/ushort and their vectors from a uint[3] or a uint of msl_context
#define MSL_POSITION(S)                                                                       \
  template <>                                                                                 \
  struct msl_position<S> {                                                                    \
    static S get(const thread uint* p) { return (S)p[0]; }                                    \
  };                                                                                          \
  template <>                                                                                 \
  struct msl_position<metal::vec<S, 2>> {                                                     \
    static metal::vec<S, 2> get(const thread uint* p) { return {(S)p[0], (S)p[1]}; }          \
  };                                                                                          \
  template <>                                                                                 \
  struct msl_position<metal::vec<S, 3>> {                                                     \
    static metal::vec<S, 3> get(const thread uint* p) { return {(S)p[0], (S)p[1], (S)p[2]}; } \
  };
MSL_POSITION(uint)
MSL_POSITION(ushort)
// A threadgroup variable, by its number in the file.
template <class A>
MSL_INLINE threadgroup A& msl_tg(uint slot) {
  return *(threadgroup A*)msl_tg_var(slot, sizeof(A));
}

// C++ features that Metal lacks.
#pragma GCC poison double goto new delete dynamic_cast typeid try catch throw virtual thread_local asm
