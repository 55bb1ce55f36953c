/* Child-Tuning: the gradient reaches only a part of the weights at each step. */
#include "kernel.h"
#include "random.h"

static Twister drawn; /* Child-Tuning-F's own generator: a seed for each step */

void EXPORT(child_f_begin)(double seed) { twister_seed(&drawn, (unsigned long long)seed); }

static void mask(Twister *twister, Tensor x, float p) {
  for (int i = x.from; i < x.from + x.count; i++) gradient[i] = twister_uniform(twister) < p ? gradient[i] / p : 0;
}

/* g = g M / p, M_i = [u_i < p], drawn in the order of the optimizer's groups, as ChildTuningF does: what is recalled
 * before what is new and, where some decay, matrices before the others. */
void EXPORT(child_f)(double p, int decayed) {
  Twister twister;
  twister_seed(&twister, twister_64(&drawn) % 0x7FFFFFFFFFFFFFFFull);
  for (int group = 0; group < (decayed ? 4 : 2); group++)
    for (int n = 0; n < TENSORS; n++) {
      Tensor x = tensor(n);
      int fresh = x.from >= ANCHORED;
      if (group == (decayed ? 2 * fresh + !x.matrix : fresh)) mask(&twister, x, (float)p);
    }
}

/* The bits of a number that is not negative are in the order of the numbers. */
static unsigned bits_of(float x) {
  union {
    float number;
    unsigned bits;
  } y = {x};
  return y.bits;
}

/* The count-th largest entry of fisher in the layers, found digit by digit; how many are above it, in *above. */
static unsigned threshold(int count, int *above) {
  unsigned found = 0;
  *above = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    int held[256] = {0}, digit = 255;
    for (int i = FIRST_LAYER; i < LAYERS_END; i++) {
      unsigned bits = bits_of(fisher[i]);
      if (shift == 24 || (bits ^ found) >> (shift + 8) == 0) held[bits >> shift & 255]++;
    }
    for (; *above + held[digit] < count; digit--) *above += held[digit];
    found |= (unsigned)digit << shift;
  }
  return found;
}

/* The child: of the layers' n weights the round(p n) with the most Fisher information; equal ones in their order. All
 * that is not in the layers trains. */
int EXPORT(child_d_begin)(double p) {
  int above, count = (int)__builtin_nearbyint(p * (LAYERS_END - FIRST_LAYER)), left;
  for (int i = 0; i < TRAINED; i++) child[i] = -1;
  if (count < 1) return 0;
  unsigned least = threshold(count, &above);
  left = count - above;
  for (int i = FIRST_LAYER; i < LAYERS_END; i++) {
    unsigned bits = bits_of(fisher[i]);
    child[i] = bits > least || (bits == least && left-- > 0) ? -1 : 0;
  }
  return count;
}

static float before[TRAINED];

/* g = 0 outside of the child */
void EXPORT(child_d_before)(void) {
  for (int i = 0; i < TRAINED; i++) {
    before[i] = theta[i];
    gradient[i] = child[i] ? gradient[i] : 0;
  }
}

/* Nothing moves what is outside: no pull, no decay, no moment. */
void EXPORT(child_d_after)(void) {
  for (int i = 0; i < TRAINED; i++) theta[i] = child[i] ? theta[i] : before[i];
}
