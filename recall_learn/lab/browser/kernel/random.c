/* The random numbers of torch and numpy, number for number. */
#include "random.h"
#include "kernel.h"

typedef unsigned long long u64;

/* torch keeps the low 32 bits of a seed. */
void twister_seed(Twister *twister, u64 seed) {
  unsigned *state = twister->state;
  state[0] = (unsigned)seed;
  for (int i = 1; i < TWISTER_SIZE; i++) state[i] = 1812433253u * (state[i - 1] ^ (state[i - 1] >> 30)) + (unsigned)i;
  twister->next = TWISTER_SIZE;
}

static void twist(Twister *twister) {
  unsigned *state = twister->state;
  for (int i = 0; i < TWISTER_SIZE; i++) {
    unsigned y = (state[i] & 0x80000000u) | (state[(i + 1) % TWISTER_SIZE] & 0x7FFFFFFFu);
    state[i] = state[(i + 397) % TWISTER_SIZE] ^ (y >> 1) ^ (y & 1 ? 0x9908B0DFu : 0);
  }
  twister->next = 0;
}

unsigned twister_32(Twister *twister) {
  if (twister->next == TWISTER_SIZE) twist(twister);
  unsigned y = twister->state[twister->next++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9D2C5680u;
  y ^= (y << 15) & 0xEFC60000u;
  return y ^ (y >> 18);
}

u64 twister_64(Twister *twister) {
  u64 high = twister_32(twister);
  return high << 32 | twister_32(twister);
}

float twister_uniform(Twister *twister) { return (float)(twister_32(twister) & 0xFFFFFF) / (1 << 24); }

/* Sixteen numbers, the first eight uniform u and the last eight v, become normal (Box and Muller, 1958):
 * sqrt(-2 log(1 - u)) cos(2 pi v) and sqrt(-2 log(1 - u)) sin(2 pi v), times deviation. */
static void box_muller(float *x, float deviation) {
  for (int i = 0; i < 8; i++) {
    double size = __builtin_sqrt(-2 * log64(1 - (double)x[i])) * deviation, turns = x[i + 8];
    x[i] = (float)(size * cosine(turns));
    x[i + 8] = (float)(size * sine(turns));
  }
}

/* Tensor.normal_ of 16 numbers or more: blocks of 16; what is left over is drawn anew with those before it. */
static void fill_normal(Twister *twister, float *x, int count, float deviation) {
  for (int i = 0; i < count; i++) x[i] = twister_uniform(twister);
  for (int i = 0; i + 16 <= count; i += 16) box_muller(x + i, deviation);
  if (count % 16 == 0) return;
  x += count - 16;
  for (int i = 0; i < 16; i++) x[i] = twister_uniform(twister);
  box_muller(x, deviation);
}

void EXPORT(draw)(double seed) {
  Twister twister;
  twister_seed(&twister, (u64)seed);
  for (int i = 0; i < MLM; i++) theta[i] = 0;
  for (int n = 0; n < NORMS; n++)
    for (int i = 0; i < WIDTH; i++) theta[NORM_AT[n] + i] = 1;
  for (int n = 0; n < DRAWS; n++) {
    Draw d = DRAWN[outputs - 1][n];
    for (int i = 0; i < d.skipped; i++) twister_32(&twister); /* drawn by a constructor, and overwritten */
    fill_normal(&twister, theta + d.from, d.count, DEVIATION);
  }
  for (int i = 0; i < WIDTH; i++) theta[WORDS + PADDING * WIDTH + i] = 0;
}

/* numpy.random.PCG64 (O'Neill, 2014: PCG XSL RR 128/64), seeded by numpy.random.SeedSequence. */
typedef struct {
  u64 high, low;
} u128;

static u128 pcg_state, pcg_increment;
static unsigned pcg_kept; /* the high half of a number whose low half was given */
static int pcg_has_kept;

static u128 add128(u128 a, u128 b) {
  u128 y = {a.high + b.high, a.low + b.low};
  y.high += y.low < a.low;
  return y;
}

static u128 times64(u64 a, u64 b) {
  u64 a0 = (unsigned)a, a1 = a >> 32, b0 = (unsigned)b, b1 = b >> 32;
  u64 low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (unsigned)middle;
  return (u128){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (unsigned)low};
}

static void pcg_step(void) {
  u128 factor = {0x2360ED051FC65DA4ull, 0x4385DF649FCCF645ull}, y = times64(pcg_state.low, factor.low);
  y.high += pcg_state.high * factor.low + pcg_state.low * factor.high;
  pcg_state = add128(y, pcg_increment);
}

static unsigned pcg_32(void) {
  if (pcg_has_kept) {
    pcg_has_kept = 0;
    return pcg_kept;
  }
  pcg_step();
  u64 y = pcg_state.high ^ pcg_state.low, turn = pcg_state.high >> 58;
  y = y >> turn | y << (-turn & 63);
  pcg_kept = (unsigned)(y >> 32);
  pcg_has_kept = 1;
  return (unsigned)y;
}

/* SeedSequence's hash of a word, with a constant that changes at each one. */
static unsigned hashed(unsigned word, unsigned *constant, unsigned factor) {
  word ^= *constant;
  *constant *= factor;
  word *= *constant;
  return word ^ word >> 16;
}

/* The pool of SeedSequence([seed, 1]). */
static void seed_pool(unsigned *pool, unsigned seed) {
  unsigned words[4] = {seed, 1}, constant = 0x43B0D7E5u;
  for (int i = 0; i < 4; i++) pool[i] = hashed(words[i], &constant, 0x931E8875u);
  for (int from = 0; from < 4; from++)
    for (int to = 0; to < 4; to++) {
      if (from == to) continue;
      unsigned y = 0xCA01F9DDu * pool[to] - 0x4973F715u * hashed(pool[from], &constant, 0x931E8875u);
      pool[to] = y ^ y >> 16;
    }
}

void EXPORT(order_begin)(double seed) {
  unsigned pool[4], constant = 0x8B51F9DDu;
  u64 made[4] = {0};
  seed_pool(pool, (unsigned)seed);
  for (int i = 0; i < 8; i++) made[i / 2] |= (u64)hashed(pool[i % 4], &constant, 0x58F38DEDu) << 32 * (i % 2);
  pcg_increment = (u128){made[2] << 1 | made[3] >> 63, made[3] << 1 | 1};
  pcg_state = (u128){0, 0};
  pcg_step();
  pcg_state = add128(pcg_state, (u128){made[0], made[1]});
  pcg_step();
  pcg_has_kept = 0;
}

/* A whole number from 0 to most, at least 1: as many bits as it has, drawn anew while they are above it. */
static unsigned up_to(unsigned most) {
  unsigned mask = 0xFFFFFFFFu >> __builtin_clz(most), found;
  do found = pcg_32() & mask;
  while (found > most);
  return found;
}

/* Fisher and Yates' shuffle, from the last to the second */
void EXPORT(permute)(int rows) {
  for (int i = 0; i < rows; i++) permutation[i] = i;
  for (int i = rows - 1; i > 0; i--) {
    unsigned j = up_to((unsigned)i);
    int moved = permutation[i];
    permutation[i] = permutation[j];
    permutation[j] = moved;
  }
}
