/* Mersenne Twister 19937 as torch uses it on a CPU (Matsumoto and Nishimura, 1998). */
#ifndef RECALL_LEARN_RANDOM
#define RECALL_LEARN_RANDOM

enum { TWISTER_SIZE = 624 };

typedef struct {
  unsigned state[TWISTER_SIZE];
  int next;
} Twister;

void twister_seed(Twister *twister, unsigned long long seed); /* torch.Generator().manual_seed(seed) */
unsigned twister_32(Twister *twister);
unsigned long long twister_64(Twister *twister);
float twister_uniform(Twister *twister); /* torch.rand: 24 bits, in [0, 1) */

#endif
