/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From sm/ (monitored) to sm.bak/ (to be told): moving or copying record files
 * so that at no moment a record is in neither, whatever is lost with the power.
 */
#ifndef NFS_RECLAIM_OS_RETIRE_H
#define NFS_RECLAIM_OS_RETIRE_H

struct retire_count {
	unsigned int retired;  /* files whose records are in sm.bak/ now */
	unsigned int unmerged; /* files that had to stay in sm/; logged */
};

enum retire_how {
	RETIRE_MOVE, /* they leave sm/: it is another boot */
	RETIRE_COPY, /* they stay in sm/, too: lockd will not name them again */
};

/*
 * Brings every record of @sm into @bak (directory descriptors), never over
 * another line, and forgets the age that sm-notify noted for such a file.
 * Where what has the name in @bak cannot be merged (no file, not
 * to be read, or too long together), the file is "unmerged-" and 16 hex digits
 * there, and that is logged.  Durable when it returns 0.  May be done again
 * after a crash.
 * Errors: -errno; nothing is lost then, and nothing leaves @sm.  A file that
 *         cannot be merged is logged, counted and left where it is.
 * Source: design section 4 step 2; contract.md D-5.
 */
int retire_records(int sm, int bak, enum retire_how how,
		   struct retire_count *count);

#endif
