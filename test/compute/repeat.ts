// A long film out of a short one: its packets again and again, nothing encoded. For the benchmarks.
import { AVDISCARD_ALL, AVMEDIA_TYPE_VIDEO, AVSEEK_FLAG_BACKWARD } from "node-av/constants";
import { FFmpegError, FormatContext, Packet } from "node-av/lib";

/** Writes the picture of `from` so many times over, one after the other. */
export async function repeatVideo(from: string, times: number, to: string): Promise<void> {
  const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);
  const input = new FormatContext();
  const output = new FormatContext();
  const packet = new Packet();
  packet.alloc();
  check(await input.openInput(from), "open");
  const source = input.streams[input.findBestStream(AVMEDIA_TYPE_VIDEO)];
  if (!source) throw new Error(`${from} has no picture`);
  for (const other of input.streams) if (other.index !== source.index) other.discard = AVDISCARD_ALL;
  check(output.allocOutputContext2(null, null, to), "choose a container");
  const target = output.newStream(null);
  check(source.codecpar.copy(target.codecpar), "describe the stream");
  target.timeBase = source.timeBase;
  target.avgFrameRate = source.avgFrameRate;
  check(await output.openOutput(), "open the output");
  check(await output.writeHeader(), "write the header");
  for (let time = 0; time < times; time++) {
    check(await input.seekFrame(source.index, 0n, AVSEEK_FLAG_BACKWARD), "go back to the start");
    const offset = BigInt(time) * source.duration;
    while ((await input.readFrame(packet)) >= 0) {
      packet.pts += offset;
      packet.dts += offset;
      packet.streamIndex = target.index;
      packet.rescaleTs(source.timeBase, target.timeBase);
      check(await output.interleavedWriteFrame(packet), "write a packet");
      packet.unref();
    }
  }
  check(await output.writeTrailer(), "write the trailer");
  await output.closeOutput();
  output.freeContext();
  await input.closeInput();
  packet.free();
}
