"""Guests of several kernels, all at a time: each waits for much of its time."""

import concurrent.futures

import kernels


def run(wanted, cache, make, tally):
    """Boots a guest of each series of `wanted` (all where there is none), which `make(kernel)` makes; yields
    (series, guest) as they end. A kernel that cannot be had is a failure in `tally`."""
    source = kernels.Archive(cache)
    with concurrent.futures.ThreadPoolExecutor(len(kernels.SUITES)) as pool:
        waiting = {}
        for series in wanted or kernels.SUITES:
            try:
                kernel = source.get(series)
            except kernels.KernelError as error:
                tally.count(f"{series}: kernel", False, str(error))
                continue
            waiting[pool.submit(_run_one, make, kernel)] = series
        for future in concurrent.futures.as_completed(waiting):
            yield waiting[future], future.result()


def _run_one(make, kernel):
    guest = make(kernel)
    guest.run()
    return guest
