/* exp, log, tanh, sine and cosine in double precision, by their series after a reduction of the argument.
 *
 * Each is cut where the next term is below 2^-54 of the result; what is left is rounding, a few ulp. */
#include "kernel.h"
#include "vectors.h"

typedef union {
  double number;
  unsigned long long bits;
} Bits;

static double power_of_two(int n) {
  Bits x = {.bits = (unsigned long long)(n + 1023) << 52};
  return x.number;
}

/* e^x = 2^n e^r, |r| <= log(2) / 2, e^r = 1 + r + r^2/2! + ... + r^13/13! */
double exp64(double x) {
  if (x < -708) return 0;
  if (x > 709) x = 709;
  double n = __builtin_nearbyint(x * 1.4426950408889634);
  double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10; /* log 2, and what is left of it */
  double y = 1;
  for (int i = 13; i > 0; i--) y = 1 + y * r / i;
  return y * power_of_two((int)n);
}

/* log x = n log 2 + log m, m in [1/sqrt 2, sqrt 2]; log m = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1) */
double log64(double x) {
  Bits m = {.number = x};
  int n = (int)(m.bits >> 52) - 1023;
  m.bits = (m.bits & 0xFFFFFFFFFFFFFull) | (1023ull << 52);
  if (m.number > 1.4142135623730951) {
    m.number *= 0.5;
    n++;
  }
  double s = (m.number - 1) / (m.number + 1), square = s * s, y = 0;
  for (int i = 23; i > 0; i -= 2) y = y * square + 1.0 / i;
  return n * 0.69314718055994531 + 2 * s * y;
}

/* (1 - e^(-2 |x|)) / (1 + e^(-2 |x|)), with the sign of x */
double tanh64(double x) {
  double small = exp64(-2 * __builtin_fabs(x)), y = (1 - small) / (1 + small);
  return x < 0 ? -y : y;
}

/* x - x^3/3! + ... and 1 - x^2/2! + ..., |x| <= pi/4 */
static double near_sine(double x) {
  double y = 1;
  for (int i = 18; i > 1; i -= 2) y = 1 - y * x * x / (i * (i + 1));
  return x * y;
}

static double near_cosine(double x) {
  double y = 1;
  for (int i = 17; i > 0; i -= 2) y = 1 - y * x * x / (i * (i + 1));
  return y;
}

double cosine(double turns) {
  double quarter = __builtin_nearbyint(4 * turns), x = (turns - quarter / 4) * 6.283185307179586;
  switch ((int)quarter & 3) {
    case 0: return near_cosine(x);
    case 1: return -near_sine(x);
    case 2: return -near_cosine(x);
    default: return near_sine(x);
  }
}

double sine(double turns) { return cosine(turns < 0.25 ? turns + 0.75 : turns - 0.25); }

/* For the tests: the functions of vectors.h, and those above by number. */
float EXPORT(try_exponential)(float x) { return wasm_f32x4_extract_lane(exponential(splat(x)), 0); }
float EXPORT(try_share_below)(float x) { return wasm_f32x4_extract_lane(share_below(splat(x)), 0); }
double EXPORT(try_exp)(double x) { return exp64(x); }
double EXPORT(try_log)(double x) { return log64(x); }
double EXPORT(try_tanh)(double x) { return tanh64(x); }
double EXPORT(try_cosine)(double turns) { return cosine(turns); }
double EXPORT(try_sine)(double turns) { return sine(turns); }
