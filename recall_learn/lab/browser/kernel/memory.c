/* The arrays of the interface, and how the caller finds them. Zero when the module starts. */
#include "kernel.h"

float theta[WEIGHTS], home[TRAINED], gradient[TRAINED], first_moment[TRAINED], second_moment[TRAINED];
float fisher[TRAINED];
int child[TRAINED];
int tokens[MOST_TOKENS], types[MOST_TOKENS], starts[MOST_ROWS + 1], places[MOST_ROWS];
float targets[MOST_ROWS];
float logits[2 * MOST_ROWS], losses[MOST_ROWS];
int said[MOST_ROWS];
int permutation[MOST_EXAMPLES];
int outputs = 2;

/* exported under the array's own name */
#define ADDRESS(array) \
  __attribute__((export_name(#array))) const void *address_of_##array(void) { return array; }

ADDRESS(theta)
ADDRESS(home)
ADDRESS(gradient)
ADDRESS(first_moment)
ADDRESS(second_moment)
ADDRESS(fisher)
ADDRESS(child)
ADDRESS(tokens)
ADDRESS(types)
ADDRESS(starts)
ADDRESS(places)
ADDRESS(targets)
ADDRESS(logits)
ADDRESS(losses)
ADDRESS(said)
ADDRESS(permutation)

int EXPORT(weights)(void) { return WEIGHTS; }
int EXPORT(anchored)(void) { return ANCHORED; }
int EXPORT(mlm)(void) { return MLM; }
int EXPORT(vocabulary)(void) { return VOCABULARY; }
int EXPORT(most_tokens)(void) { return MOST_TOKENS; }
int EXPORT(most_rows)(void) { return MOST_ROWS; }
int EXPORT(most_length)(void) { return MOST_LENGTH; }
int EXPORT(most_examples)(void) { return MOST_EXAMPLES; }

int EXPORT(trained)(void) { return CLASSIFIER + outputs * (WIDTH + 1); }

void EXPORT(begin)(int number_of_outputs) {
  outputs = number_of_outputs;
  for (int i = 0; i < TRAINED; i++) gradient[i] = first_moment[i] = second_moment[i] = 0;
}
