"""Records what numpy writes: run `python make.py` in this folder (made with numpy 2.4.6)."""
import io
import json
import zipfile

import numpy as np
from numpy.lib import _format_impl as npy_format

SHAPES = [(), (0,), (3,), (2, 3), (1, 1, 1), (12345678901,), (0, 900), (7, 900), (876406, 900), (5,) * 8, (1,) * 30]
TYPES = ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]


def header(descr, shape):
    out = io.BytesIO()
    npy_format._write_array_header(out, {"descr": descr, "fortran_order": False, "shape": shape}, None)
    return out.getvalue().hex()


cases = [{"descr": d, "shape": list(s), "header": header(d, s)} for d in TYPES for s in SHAPES]
cases += [{"descr": "|u1", "shape": [10**k], "header": header("|u1", (10**k,))} for k in range(19)]
# A shape this long needs version 2.0; only the start of its header and the size are kept.
long_header = header("<f4", (1,) * 22000)
cases.append({"descr": "<f4", "ones": 22000, "size": len(long_header) // 2, "header": long_header[:64]})
json.dump(cases, open("headers.json", "w"), indent=0)

small = np.arange(6, dtype=np.int32).reshape(2, 3)
for version in [(1, 0), (2, 0), (3, 0)]:
    with open(f"v{version[0]}.npy", "wb") as f:
        npy_format.write_array(f, small, version=version)
np.save("big_endian.npy", small.astype(">i4"))
np.save("fortran.npy", np.asfortranarray(small))
np.save("objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
np.save("strings.npy", np.array(["ab", "c"]))
np.save("record.npy", np.zeros(2, dtype=[("a", "<i4"), ("b", "<f8")]))
np.savez("stored.npz", small=small, scalar=np.float64(2.5), bytes=np.arange(5, dtype=np.uint8))
np.savez_compressed("deflated.npz", small=small, zeros=np.zeros((100, 100), dtype=np.float32))

# A small archive whose central directory uses Zip64 fields throughout, as one above 4 GB does.
zipfile.ZIP64_LIMIT = 0
zipfile.ZIP_FILECOUNT_LIMIT = 0
np.savez("zip64.npz", small=small)
