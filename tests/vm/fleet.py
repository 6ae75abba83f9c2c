"""Guests of several kernels, two at a time."""

import concurrent.futures

import kernels

GUESTS_AT_A_TIME = 2


def run(wanted, cache, make, tally):
    """Boots a guest of each series of `wanted` (all where there is none), which `make(kernel)` makes; yields
    (series, guest) as they end. A kernel that cannot be had is a failure in `tally`."""
    source = kernels.Archive(cache)
    with concurrent.futures.ThreadPoolExecutor(GUESTS_AT_A_TIME) as pool:
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
