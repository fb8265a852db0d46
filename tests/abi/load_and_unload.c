/* Loads the library, steps on threads, and unloads it while they may still be there; three times over. */
#include <dlfcn.h>
#include <lars/lars.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FUNCTION(name) __typeof__(&name) name##_ = (__typeof__(&name))dlsym(library, #name)

static int step_in(const char* path) {
  const int64_t count = 1 << 20;
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return puts(dlerror()), 1;
  FUNCTION(lars_create);
  FUNCTION(lars_add_parameter);
  FUNCTION(lars_set);
  FUNCTION(lars_step_flat);
  FUNCTION(lars_destroy);
  float* w = calloc((size_t)count, sizeof *w);
  float* g = calloc((size_t)count, sizeof *g);
  lars_optimizer* optimizer = NULL;
  int32_t status = lars_create_(&optimizer);
  status |= lars_add_parameter_(optimizer, "w", LARS_F32, 1, &count, NULL);
  status |= lars_set_(optimizer, NULL, LARS_LEARNING_RATE, 0.1);
  status |= lars_step_flat_(optimizer, w, g);
  status |= lars_destroy_(optimizer);
  free(w);
  free(g);
  if (dlclose(library) != 0) return puts(dlerror()), 1;
  usleep(20000); /* threads that lost their code would fault now */
  return status == LARS_OK ? 0 : 1;
}

int main(int argc, char** argv) {
  int failures = 0;
  for (int i = 0; i < 3; ++i) failures += step_in(argc > 1 ? argv[1] : "liblars.so.0");
  if (failures == 0) puts("loaded and unloaded");
  return failures;
}
