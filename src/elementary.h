// Cosine and power with the same bits on every machine.
//
// The C library's differ between machines, even between processors under one binary (glibc chooses variants
// with and without FMA at run time), and a learning rate that differs in its last bit makes every later bit
// differ. These compute in double-double arithmetic, made of IEEE additions, multiplications and divisions
// alone, and round once: the result is the correctly rounded one but for arguments within about 2^-100 of a
// rounding boundary.
#pragma once

namespace lars {

/// cos(x) for 0 <= x <= 4.
double cosine(double x);

/// x^y for finite x >= 0 and finite y; 0^0 = 1.
double power(double x, double y);

}  // namespace lars
