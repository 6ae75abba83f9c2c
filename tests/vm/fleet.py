"""Runs guests of several kernels at the same time, since each of them mostly waits."""

import concurrent.futures

import kernels


def run(wanted, cache, make, tally):
    """Makes a guest for each series in `wanted` (empty: for every series) with `make(kernel)` and boots it; yields
    (series, guest) as the guests end. Counts a kernel that is not available as a failure in `tally`."""
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
