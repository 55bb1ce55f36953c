/* The methods that act on a step, each by the name that it has in recall_learn/methods. All numbers of a step come as
 * doubles, and are rounded once to what the weights are. */
#include "kernel.h"
#include "vectors.h"

static const double BETA_1 = 0.9, BETA_2 = 0.999, EPSILON = 1e-8;

/* ||theta - theta*|| over theta[from:to]; what is new has no theta* */
double EXPORT(distance)(int from, int to) {
  double s = 0;
  for (int i = from; i < to; i++) {
    float away = theta[i] - home[i];
    s += (double)(away * away);
  }
  return __builtin_sqrt(s);
}

/* lambda(t) = 1 / (1 + e^(-k (t - t0))); k = inf is a step, 1/2 at t0 */
double EXPORT(sigmoid)(double k, double t0, double t) {
  double late = t - t0, x = late == 0 || k == 0 ? 0 : k * late, small = exp64(-__builtin_fabs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

/* clip: g *= min(1, most / (||g|| + 1e-6)), as torch.nn.utils.clip_grad_norm_ */
double EXPORT(clip)(double most) {
  int count = trained();
  vec left = splat(0), right = splat(0);
  int i = 0;
  for (; i + 4 <= count; i += 4) {
    vec g = load(gradient + i), low = wasm_f64x2_promote_low_f32x4(g);
    vec high = wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(g, g, 1, 1));
    left = wasm_f64x2_add(left, wasm_f64x2_mul(low, low));
    right = wasm_f64x2_add(right, wasm_f64x2_mul(high, high));
  }
  left = wasm_f64x2_add(left, right);
  double s = wasm_f64x2_extract_lane(left, 0) + wasm_f64x2_extract_lane(left, 1);
  for (; i < count; i++) s += (double)gradient[i] * gradient[i];
  double norm = __builtin_sqrt(s), share = most / (norm + 1e-6);
  if (most > 0 && share < 1)
    for (i = 0; i < count; i++) gradient[i] *= (float)share;
  return norm;
}

/* gamma / 2 ||theta - theta*||^2 + beta / 2 ||head||^2: g += gamma (theta - theta*), and beta theta for what is new */
double EXPORT(l2sp)(double gamma, double beta) {
  double pull = 0, hold = 0;
  for (int i = 0; i < ANCHORED; i++) {
    float away = theta[i] - home[i];
    gradient[i] += (float)gamma * away;
    pull += (double)away * away;
  }
  for (int i = ANCHORED; i < trained(); i++) {
    gradient[i] += (float)beta * theta[i];
    hold += (double)theta[i] * theta[i];
  }
  return gamma / 2 * pull + beta / 2 * hold;
}

/* gamma / 2 sum F (theta - theta*)^2: g += gamma F (theta - theta*) */
double EXPORT(ewc)(double gamma) {
  double pull = 0;
  for (int i = 0; i < ANCHORED; i++) {
    float precision = (float)gamma * fisher[i], away = theta[i] - home[i];
    gradient[i] += precision * away;
    pull += (double)(precision * away) * away;
  }
  return pull / 2;
}

/* What all weights of a step share. */
typedef struct {
  float rate;   /* share of lr, over 1 - beta_1^t */
  float unbias; /* 1 / sqrt(1 - beta_2^t) */
  float epsilon, decay;
  float pull;    /* lr (1 - lambda) gamma: the share of the way home */
  float task, home; /* coupled: lambda, and (1 - lambda) gamma */
} Scalars;

static double power(double base, int n) {
  double y = 1;
  for (; n > 0; n >>= 1, base *= base)
    if (n & 1) y *= base;
  return y;
}

static Scalars scalars(double t, double share, double lr, double weight_decay) {
  Scalars s = {.epsilon = (float)EPSILON, .decay = (float)(lr * weight_decay), .task = 1};
  s.rate = (float)(share * lr / (1 - power(BETA_1, (int)t)));
  s.unbias = (float)(1 / __builtin_sqrt(1 - power(BETA_2, (int)t)));
  return s;
}

enum Form { PAPER, RELEASED, COUPLED };

/* Lines 7 to 12 of RecAdam's Algorithm 1 on four weights; without a pull it is AdamW.
 *   m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g^2
 *   paper:    theta -= rate m / (sqrt(v) unbias + epsilon) + pull (theta - theta*) + decay theta
 *   released: the three one after the other, and epsilon before the bias correction
 *   coupled:  g = lambda g + (1 - lambda) gamma (theta - theta*) before the moments, and no pull */
static inline __attribute__((always_inline)) void update(enum Form form, int i, Scalars s, float decay) {
  vec g = load(gradient + i), w = load(theta + i), away = sub(w, load(home + i));
  if (form == COUPLED) g = mad(splat(s.task), g, mul(splat(s.home), away));
  vec m = mad(splat((float)BETA_1), load(first_moment + i), mul(splat((float)(1 - BETA_1)), g));
  vec v = mad(splat((float)BETA_2), load(second_moment + i), mul(splat((float)(1 - BETA_2)), mul(g, g)));
  store(first_moment + i, m);
  store(second_moment + i, v);
  if (form == RELEASED) {
    w = sub(w, over(mul(splat(s.rate), m), mul(add(root(v), splat(s.epsilon)), splat(s.unbias))));
    w = sub(w, mul(splat(s.pull), sub(w, load(home + i))));
    w = sub(w, mul(splat(decay), w));
  } else {
    vec step = over(mul(splat(s.rate), m), mad(root(v), splat(s.unbias), splat(s.epsilon)));
    w = sub(w, add(step, mad(splat(s.pull), away, mul(splat(decay), w))));
  }
  store(theta + i, w);
}

/* All tensors that are recalled with `recalled`, the others with `fresh`; matrices alone decay. */
static inline __attribute__((always_inline)) void update_all(enum Form form, Scalars recalled, Scalars fresh) {
  for (int n = 0; n < TENSORS; n++) {
    Tensor x = tensor(n);
    Scalars s = x.from < ANCHORED ? recalled : fresh;
    int i = x.from, end = x.from + x.count;
    for (; i < end; i += 4) update(form, i, s, x.matrix ? s.decay : 0);
  }
}

void EXPORT(adamw)(double t, double lr, double weight_decay) {
  Scalars s = scalars(t, 1, lr, weight_decay);
  update_all(PAPER, s, s);
}

void EXPORT(recadam_paper)(double t, double lr, double weight_decay, double lambda, double gamma) {
  Scalars s = scalars(t, lambda, lr, weight_decay);
  s.pull = (float)((1 - lambda) * lr * gamma);
  update_all(PAPER, s, scalars(t, 1, lr, weight_decay));
}

void EXPORT(recadam_released)(double t, double lr, double weight_decay, double lambda, double gamma) {
  Scalars s = scalars(t, lambda, lr, weight_decay);
  s.pull = (float)((1 - lambda) * lr * gamma);
  update_all(RELEASED, s, scalars(t, 1, lr, weight_decay));
}

void EXPORT(recadam_coupled)(double t, double lr, double weight_decay, double lambda, double gamma) {
  Scalars s = scalars(t, 1, lr, weight_decay);
  s.task = (float)lambda;
  s.home = (float)((1 - lambda) * gamma);
  update_all(COUPLED, s, scalars(t, 1, lr, weight_decay));
}
