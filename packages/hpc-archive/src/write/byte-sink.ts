import { fstatSync, write } from "node:fs";
import { Socket } from "node:net";
import { type Streamer, streamerTo, widenPipe } from "@podheitor/hpc-walker";
import { FILE_FLUSH, PIPE_SIZE } from "../limits";

/**
 * Where finished bytes go. One write at a time; `bytes` may be reused once the promise has settled.
 */
export interface ByteSink {
  /** Rejects with the system's error: EPIPE, the receiver is gone; ENOSPC. */
  write(bytes: Buffer): Promise<void>;
  /** What should be gathered for one write. Default `FLUSH_BYTES`. */
  readonly flushBytes?: number;
  /** A pipe or a socket that does not block: between two writes it may be lent to others. */
  readonly fd?: number;
  /**
   * Moves file content to it as D frames without copying; while it does, nothing may be written.
   * Absent: no pipe, or no library.
   */
  readonly streamer?: Streamer | undefined;
}

/**
 * A sink over an open descriptor that never blocks the event loop: pipes and sockets become
 * non-blocking sockets of libuv, everything else (files, devices, terminals) is written by the
 * thread pool. Throws the system's error of a descriptor that is not open (EBADF), and Node's
 * ERR_INVALID_FD_TYPE for a socket that is not a stream.
 */
export function sinkOf(fd: number): ByteSink {
  const stat = fstatSync(fd);
  if (!stat.isFIFO()) return stat.isSocket() ? socketSink(fd) : fileSink(fd);
  try {
    widenPipe(fd, PIPE_SIZE);
    return { ...socketSink(fd), streamer: streamerTo(fd) };
  } catch {
    return socketSink(fd); // the scan says that the library is missing, in the job's dialogue
  }
}

/**
 * A sink over a pipe that was opened for it; from here on it is closed by `close` alone, which does
 * not wait.
 */
export function ownPipe(fd: number): { readonly sink: ByteSink; close(): void } {
  widenPipe(fd, PIPE_SIZE);
  const socket = socketOver(fd);
  return { sink: socketSink(fd, socket), close: () => void socket.destroy() };
}

function socketOver(fd: number): Socket {
  return new Socket({ fd, readable: false, writable: true });
}

function socketSink(fd: number, socket = socketOver(fd)): ByteSink {
  let failure: Error | undefined;
  // Without a listener an EPIPE between two writes would be an uncaught exception.
  socket.on("error", (error) => {
    failure = error;
  });
  return {
    fd,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

/**
 * Writes through the thread pool, whatever the descriptor is; the descriptor stays the caller's.
 */
export function fileSink(fd: number): ByteSink {
  return {
    flushBytes: FILE_FLUSH,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const rest = (from: number) => {
          write(fd, bytes, from, bytes.length - from, null, (error, written) => {
            if (error) reject(error);
            else if (from + written === bytes.length) resolve();
            else rest(from + written);
          });
        };
        rest(0);
      }),
  };
}
