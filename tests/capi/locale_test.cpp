// A host whose locale writes 0.5 as 0,5 and 1000 as 1.000.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <locale>
#include <sstream>
#include <string>
#include <vector>

#include "support/trainee.h"

#ifdef __SANITIZE_ADDRESS__
/// glibc keeps the folders that LOCPATH names, and never frees them.
extern "C" const char* __lsan_default_suppressions() { return "leak:argz_add_sep\n"; }
#endif

namespace lars_test {
namespace {

namespace fs = std::filesystem;

/// In force for C and C++ while this lives.
class GermanLocale {
 public:
  GermanLocale() {
    setenv("LOCPATH", LARS_LOCALES, 1);  // where the build has put it
    std::locale::global(std::locale("de_DE.UTF-8"));
    char text[8] = {};
    std::snprintf(text, sizeof text, "%.1f", 0.5);
    EXPECT_STREQ(text, "0,5");
    std::ostringstream stream;
    stream << 1234.5;
    EXPECT_EQ(stream.str(), "1.234,5");
  }
  ~GermanLocale() {
    std::locale::global(std::locale::classic());
    unsetenv("LOCPATH");
  }
  GermanLocale(const GermanLocale&) = delete;
  GermanLocale& operator=(const GermanLocale&) = delete;
  GermanLocale(GermanLocale&&) = delete;
  GermanLocale& operator=(GermanLocale&&) = delete;
};

Trainee make_trainee() {
  Trainee trainee({{"a", LARS_F32, {1234, 3}}, {"b", LARS_F64, {7}}});
  trainee.set(LARS_LEARNING_RATE, 0.25);
  trainee.set(LARS_WEIGHT_DECAY, 1234.5678, "a");
  const double least = 0.001;
  const ScheduleHandle schedule = make_schedule(lars_schedule_exponential_decay, 1.5, std::uint64_t{1000},
                                                0.7, std::uint64_t{1}, 0, &least);
  EXPECT_EQ(lars_set_schedule(trainee.get(), "b", LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
  return trainee;
}

std::string saved(const Trainee& trainee) {
  std::uint64_t bytes = 0;
  EXPECT_EQ(lars_save_size(trainee.get(), &bytes), LARS_OK);
  std::string checkpoint(bytes, '\0');
  EXPECT_EQ(lars_save_to(trainee.get(), checkpoint.data(), bytes), LARS_OK);
  return checkpoint;
}

TEST(Locale, ChangesNoByteOfACheckpointAndNoNumberReadFromIt) {
  const Trainee trainee = make_trainee();
  const std::string expected = saved(trainee);
  const std::string path = fs::path(testing::TempDir()) / ("lars-locale-" + std::to_string(getpid()));
  Trainee other(trainee.specs());
  {
    const GermanLocale german;
    EXPECT_EQ(saved(trainee), expected);
    EXPECT_EQ(saved(make_trainee()), expected);
    EXPECT_EQ(lars_save(trainee.get(), path.c_str()), LARS_OK) << lars_error_message(trainee.get());
    EXPECT_EQ(lars_load(other.get(), path.c_str()), LARS_OK) << lars_error_message(other.get());
    EXPECT_EQ(saved(other), expected);
  }
  std::ifstream file(path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), expected);
  EXPECT_EQ(saved(other), expected);
  fs::remove(path);
}

TEST(Locale, ChangesNoMessage) {
  const GermanLocale german;
  const Trainee trainee = make_trainee();
  EXPECT_EQ(lars_set(trainee.get(), nullptr, LARS_MOMENTUM, 1234.5), LARS_ERR_VALUE);
  EXPECT_STREQ(lars_error_message(trainee.get()), "momentum: 1234.5 is not allowed; it must be from 0 to 1");
  EXPECT_EQ(lars_set_threads(trainee.get(), 123456), LARS_ERR_VALUE);
  EXPECT_STREQ(lars_error_message(trainee.get()),
               "threads: 123456 is not allowed; it must be from 0 to 1024");
}

}  // namespace
}  // namespace lars_test
