#include "engine/monitor/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace tern {
namespace {

TEST(Text, DurationsGrowFromMinutesToDays) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(7.4), "0:07");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(192), "3:12");
  EXPECT_EQ(duration_text(7509), "2:05:09");
  EXPECT_EQ(duration_text(90061), "1d 01:01");
}

TEST(Text, DurationsWithoutMeaningAreAQuestionMark) {
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(duration_text(1e300), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "?");
}

TEST(Text, RatesKeepThreeDigits) {
  EXPECT_EQ(rate_text(0), "0.00");
  EXPECT_EQ(rate_text(0.0042), "0.0042");
  EXPECT_EQ(rate_text(0.94), "0.94");
  EXPECT_EQ(rate_text(9.999), "10.0");
  EXPECT_EQ(rate_text(12.34), "12.3");
  EXPECT_EQ(rate_text(812.4), "812");
  EXPECT_EQ(rate_text(999.7), "1.00k");
  EXPECT_EQ(rate_text(45100), "45.1k");
  EXPECT_EQ(rate_text(3.2e6), "3.20M");
  EXPECT_EQ(rate_text(-12.34), "-12.3");
}

TEST(Text, BytesUseDecimalUnits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(312'000), "312 kB");
  EXPECT_EQ(bytes_text(999'600), "1.0 MB");
  EXPECT_EQ(bytes_text(3'100'000'000), "3.1 GB");
  EXPECT_EQ(bytes_text(2'000'000'000'000'000), "2000.0 TB");
}

TEST(Text, WidthCountsCodePoints) {
  EXPECT_EQ(display_width("naïve █▌"), 8U);
  EXPECT_EQ(truncate_to_width("naïve", 3), "naï");
  EXPECT_EQ(truncate_to_width("ab", 3), "ab");
  EXPECT_EQ(truncate_to_width("ab", 0), "");
}

TEST(Text, ControlCharactersCannotDriveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\r\x7f é"), "a [2Jb c   é");
}

}  // namespace
}  // namespace tern
