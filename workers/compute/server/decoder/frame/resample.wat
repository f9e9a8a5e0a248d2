;; The arithmetic of scaling as Pillow has it: sums of bytes by weights of 22 bits behind the point, rounded to bytes
;; again. resample.ts calls it; `node scripts/kernel.mjs` makes resample.wasm of it.
(module
  (memory (export "memory") 1 65536)

  ;; Four sums of 32 bits as four bytes, cut to 0 and 255, in the first lane.
  (func $bytes (param $sums v128) (result v128)
    (local.set $sums (i32x4.shr_s (local.get $sums) (i32.const 22)))
    (i8x16.narrow_i16x8_u
      (i16x8.narrow_i32x4_s (local.get $sums) (local.get $sums))
      (v128.const i64x2 0 0)))

  ;; Rows of `width` RGB pixels, each brought to `columns` of them: place x is made of `counts[x]` pixels from `starts[x]`
  ;; on, by the weights from `most` · x on. Reads one byte past the last row, and writes one past the last pixel.
  (func (export "squeeze")
    (param $from i32) (param $width i32) (param $height i32) (param $starts i32) (param $counts i32) (param $weights i32)
    (param $most i32) (param $columns i32) (param $out i32)
    (local $column i32) (local $at i32) (local $weight i32) (local $end i32) (local $sums v128)
    (local.set $most (i32.shl (local.get $most) (i32.const 2)))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $height)))
        (local.set $column (i32.const 0))
        (loop $place
          (local.set $at
            (i32.add (local.get $from)
              (i32.mul (i32.load (i32.add (local.get $starts) (i32.shl (local.get $column) (i32.const 2)))) (i32.const 3))))
          (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $column) (local.get $most))))
          (local.set $end
            (i32.add (local.get $weight)
              (i32.shl (i32.load (i32.add (local.get $counts) (i32.shl (local.get $column) (i32.const 2)))) (i32.const 2))))
          (local.set $sums (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
          (loop $tap
            (local.set $sums
              (i32x4.add (local.get $sums)
                (i32x4.mul
                  (v128.load32_splat (local.get $weight))
                  (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at)))))))
            (local.set $at (i32.add (local.get $at) (i32.const 3)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
          (i32.store (local.get $out) (i32x4.extract_lane 0 (call $bytes (local.get $sums))))
          (local.set $out (i32.add (local.get $out) (i32.const 3)))
          (local.set $column (i32.add (local.get $column) (i32.const 1)))
          (br_if $place (i32.lt_u (local.get $column) (local.get $columns))))
        (local.set $from (i32.add (local.get $from) (i32.mul (local.get $width) (i32.const 3))))
        (local.set $height (i32.sub (local.get $height) (i32.const 1)))
        (br $row))))

  ;; Rows of `length` bytes brought to `rows` of them, alike. Reads and writes up to 15 bytes past the last.
  (func (export "stack")
    (param $from i32) (param $length i32) (param $starts i32) (param $counts i32) (param $weights i32)
    (param $most i32) (param $rows i32) (param $out i32)
    (local $row i32) (local $first i32) (local $i i32) (local $at i32) (local $weight i32) (local $end i32) (local $by v128)
    (local $pixels v128) (local $half v128) (local $sums0 v128) (local $sums1 v128) (local $sums2 v128) (local $sums3 v128)
    (local.set $most (i32.shl (local.get $most) (i32.const 2)))
    (loop $line
      (local.set $first
        (i32.add (local.get $from)
          (i32.mul (i32.load (i32.add (local.get $starts) (i32.shl (local.get $row) (i32.const 2)))) (local.get $length))))
      (local.set $end
        (i32.add
          (i32.add (local.get $weights) (i32.mul (local.get $row) (local.get $most)))
          (i32.shl (i32.load (i32.add (local.get $counts) (i32.shl (local.get $row) (i32.const 2)))) (i32.const 2))))
      (local.set $i (i32.const 0))
      (loop $step
        (local.set $at (i32.add (local.get $first) (local.get $i)))
        (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $row) (local.get $most))))
        (local.set $sums0 (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (local.set $sums1 (local.get $sums0))
        (local.set $sums2 (local.get $sums0))
        (local.set $sums3 (local.get $sums0))
        (loop $tap
          (local.set $by (v128.load32_splat (local.get $weight)))
          (local.set $pixels (v128.load (local.get $at)))
          (local.set $half (i16x8.extend_low_i8x16_u (local.get $pixels)))
          (local.set $sums0 (i32x4.add (local.get $sums0) (i32x4.mul (local.get $by) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $sums1 (i32x4.add (local.get $sums1) (i32x4.mul (local.get $by) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $half (i16x8.extend_high_i8x16_u (local.get $pixels)))
          (local.set $sums2 (i32x4.add (local.get $sums2) (i32x4.mul (local.get $by) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $sums3 (i32x4.add (local.get $sums3) (i32x4.mul (local.get $by) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $at (i32.add (local.get $at) (local.get $length)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
        (v128.store (i32.add (local.get $out) (local.get $i))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $sums0) (i32.const 22))
              (i32x4.shr_s (local.get $sums1) (i32.const 22)))
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $sums2) (i32.const 22))
              (i32x4.shr_s (local.get $sums3) (i32.const 22)))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br_if $step (i32.lt_u (local.get $i) (local.get $length))))
      (local.set $out (i32.add (local.get $out) (local.get $length)))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $line (i32.lt_u (local.get $row) (local.get $rows))))))
