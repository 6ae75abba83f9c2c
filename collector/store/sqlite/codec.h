#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_

// Every codec of this directory, which alone knows the stored form: ids and addresses are blobs,
// other values are messages of hoptrail.internal.

#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/detection_codec.h"
#include "collector/store/sqlite/report_codec.h"
#include "collector/store/sqlite/session_codec.h"

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_
