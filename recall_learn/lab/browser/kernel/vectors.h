/* Four floats at once, and exp and Phi of them. Everything else in the kernel is written in these words. */
#ifndef RECALL_LEARN_VECTORS
#define RECALL_LEARN_VECTORS

#include <wasm_simd128.h>

typedef v128_t vec;

static inline vec load(const float *p) { return wasm_v128_load(p); }
static inline vec load_splat(const float *p) { return wasm_v128_load32_splat(p); }
static inline void store(float *p, vec x) { wasm_v128_store(p, x); }
static inline vec splat(float x) { return wasm_f32x4_splat(x); }
static inline vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
static inline vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }
static inline vec mul(vec a, vec b) { return wasm_f32x4_mul(a, b); }
static inline vec over(vec a, vec b) { return wasm_f32x4_div(a, b); }
static inline vec root(vec a) { return wasm_f32x4_sqrt(a); }

/* a b + c, rounded twice: a fused one is not in WebAssembly's fixed 128-bit SIMD */
static inline vec mad(vec a, vec b, vec c) { return add(mul(a, b), c); }

static inline float sum(vec x) {
  return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 2)) +
         (wasm_f32x4_extract_lane(x, 1) + wasm_f32x4_extract_lane(x, 3));
}

/* c_0 + c_1 x + ... + c_degree x^degree, degree odd: even and odd powers apart, so that two sums go side by side */
static inline vec polynomial(vec x, const float *c, int degree) {
  vec square = mul(x, x), even = splat(c[degree - 1]), odd = splat(c[degree]);
  for (int i = degree - 3; i >= 0; i -= 2) {
    even = mad(even, square, splat(c[i]));
    odd = mad(odd, square, splat(c[i + 1]));
  }
  return mad(odd, x, even);
}

/* x where it lies between `least` and `most`, else the nearer of them; what is no number stays none. */
static inline vec between(vec x, float least, float most) {
  return wasm_f32x4_pmax(wasm_f32x4_pmin(x, splat(most)), splat(least));
}

/* e^x = 2^n e^r with n = round(x / log 2) and r = x - n log 2, log 2 in two parts so that r is exact.
 *
 * e^r = 1 + r + r^2 p(r): p are the coefficients of Cephes' expf (Moshier, netlib.org/cephes). Relative error at most
 * 1.2e-7 (1 ulp) for x in [-87, 88]; what is below gives 1e-38, what is above 1.6e38. */
static inline vec exponential(vec x) {
  static const float p[] = {5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f,
                            8.3334519073e-3f, 1.3981999507e-3f, 1.9875691500e-4f};
  vec place = splat(12582912.0f + 127); /* 1.5 2^23: what is added to it is rounded, and its last bits are n + 127 */
  x = between(x, -87.0f, 88.0f);
  vec added = mad(x, splat(1.44269504f), place), n = sub(added, place), power = wasm_i32x4_shl(added, 23);
  vec r = sub(sub(x, mul(n, splat(0.693359375f))), mul(n, splat(-2.12194440e-4f)));
  return mul(add(mad(polynomial(r, p, 5), mul(r, r), r), splat(1.0f)), power);
}

/* Phi(x) = (1 + erf(x / sqrt 2)) / 2, the share of a normal distribution below x: 1/2 + x p(x^2) / q(x^2), |x| up to
 * 5.4, from where on it is 1 or 0 in single precision.
 *
 * A minimax fit of ours, tools/wasm.py fit. Absolute error at most 2.4e-7, of which 6e-9 is the fit's. */
static inline vec share_below(vec x) {
  static const float p[] = {0.39894223f,   0.03337216f,    0.004650847f,
                            0.00016432104f, 6.3600196e-06f, 2.3386816e-08f};
  static const float q[] = {1.0f,          0.2503177f, 0.028378649f,
                            0.0018589777f, 7.24e-05f,  1.2165933e-06f};
  vec y = between(x, -5.4f, 5.4f), square = mul(y, y);
  return mad(y, over(polynomial(square, p, 5), polynomial(square, q, 5)), splat(0.5f));
}

#endif
