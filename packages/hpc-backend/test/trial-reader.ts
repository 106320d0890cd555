import type { ContentDriver } from "../src/entry/content-reader";
import { FileReader, momentOf } from "../src/entry/file-reader";

/** A reader of one's own: it knows the layouts of large files, and reads in pieces of 64 KiB. */
export const trialReader: ContentDriver = {
  name: "trial",
  canRead: ({ head }, filesystem) => filesystem !== undefined && momentOf(head).size > 200_000n,
  open: (entry, options, fresh) => {
    const small = { ...options, readBytes: 65_536 };
    const now = fresh ? entry : undefined;
    const reader = new FileReader(entry.fd, momentOf(entry.head), entry.holes, small, now);
    return Object.assign(reader, { layout: 7 });
  },
};
