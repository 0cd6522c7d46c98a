// AdamW of a table from row gradients: the same step, bit for bit, as from the dense gradient, which is never there in
// full.
#pragma once

#include "kernels/adamw/adamw.h"
#include "kernels/embedding/row_gradients.h"

namespace tern {

// table: as for adamw_step, without grad. gradient: of rows of the table, numbered as in it.
void adamw_step_rows(const kernels::AdamTensor& table, const kernels::RowGradients& gradient,
                     const kernels::AdamOptions& options, double eps);

}  // namespace tern
