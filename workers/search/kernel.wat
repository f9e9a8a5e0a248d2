;; The arithmetic of a vector query: products of int8 rows with one query, and differences of binary codes. 16 numbers,
;; or 128 bits, a step. kernel.ts calls it; `weir generate` in Weir's own folder makes kernel.wasm of it.
(module
  (memory (export "memory") 1 2048)

  (func $across (param $sum v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
      (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))

  ;; out[i] = row list[i] · query, for `count` row numbers. A row is `stride` bytes (a multiple of 16), the query as many
  ;; int16. The caller sees to it that no sum leaves 32 bits. One row of each quarter of the list at a time: they share what
  ;; is read of the query, and are far enough apart that the processor fetches each quarter ahead. The rest one by one.
  (func (export "dots")
    (param $rows i32) (param $list i32) (param $count i32) (param $stride i32) (param $query i32) (param $out i32)
    (local $end i32) (local $quarter i32) (local $first i32) (local $stop i32) (local $at i32) (local $low v128) (local $high v128)
    (local $row0 i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (local.set $end (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $quarter (i32.and (local.get $count) (i32.const -4)))
    (local.set $first (i32.add (local.get $list) (local.get $quarter)))
    (block $few
      (loop $next
        (br_if $few (i32.ge_u (local.get $list) (local.get $first)))
        (local.set $row0
          (i32.add (local.get $rows) (i32.mul (i32.load (local.get $list)) (local.get $stride))))
        (local.set $sum0 (v128.const i64x2 0 0))
        (local.set $row1
          (i32.add (local.get $rows) (i32.mul (i32.load (i32.add (local.get $list) (local.get $quarter))) (local.get $stride))))
        (local.set $sum1 (v128.const i64x2 0 0))
        (local.set $row2
          (i32.add (local.get $rows) (i32.mul (i32.load (i32.add (local.get $list) (i32.shl (local.get $quarter) (i32.const 1)))) (local.get $stride))))
        (local.set $sum2 (v128.const i64x2 0 0))
        (local.set $row3
          (i32.add (local.get $rows) (i32.mul (i32.load (i32.add (local.get $list) (i32.mul (local.get $quarter) (i32.const 3)))) (local.get $stride))))
        (local.set $sum3 (v128.const i64x2 0 0))
        (local.set $stop (i32.add (local.get $row0) (local.get $stride)))
        (local.set $at (local.get $query))
        (loop $step
          (local.set $low (v128.load (local.get $at)))
          (local.set $high (v128.load offset=16 (local.get $at)))
          (local.set $sum0
            (i32x4.add (local.get $sum0)
              (i32x4.add
                (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $row0)) (local.get $low))
                (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $row0)) (local.get $high)))))
          (local.set $row0 (i32.add (local.get $row0) (i32.const 16)))
          (local.set $sum1
            (i32x4.add (local.get $sum1)
              (i32x4.add
                (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $row1)) (local.get $low))
                (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $row1)) (local.get $high)))))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
          (local.set $sum2
            (i32x4.add (local.get $sum2)
              (i32x4.add
                (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $row2)) (local.get $low))
                (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $row2)) (local.get $high)))))
          (local.set $row2 (i32.add (local.get $row2) (i32.const 16)))
          (local.set $sum3
            (i32x4.add (local.get $sum3)
              (i32x4.add
                (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $row3)) (local.get $low))
                (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $row3)) (local.get $high)))))
          (local.set $row3 (i32.add (local.get $row3) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $step (i32.lt_u (local.get $row0) (local.get $stop))))
        (i32.store (local.get $out) (call $across (local.get $sum0)))
        (i32.store (i32.add (local.get $out) (local.get $quarter)) (call $across (local.get $sum1)))
        (i32.store (i32.add (local.get $out) (i32.shl (local.get $quarter) (i32.const 1))) (call $across (local.get $sum2)))
        (i32.store (i32.add (local.get $out) (i32.mul (local.get $quarter) (i32.const 3))) (call $across (local.get $sum3)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (br $next)))
    ;; What the other quarters have had.
    (local.set $out (i32.add (local.get $out) (i32.mul (local.get $quarter) (i32.const 3))))
    (local.set $list (i32.add (local.get $list) (i32.mul (local.get $quarter) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $row0
          (i32.add (local.get $rows) (i32.mul (i32.load (local.get $list)) (local.get $stride))))
        (local.set $stop (i32.add (local.get $row0) (local.get $stride)))
        (local.set $at (local.get $query))
        (local.set $sum0 (v128.const i64x2 0 0))
        (loop $step
          (local.set $sum0
            (i32x4.add (local.get $sum0)
              (i32x4.add
                (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $row0)) (v128.load (local.get $at)))
                (i32x4.dot_i16x8_s
                  (v128.load8x8_s offset=8 (local.get $row0))
                  (v128.load offset=16 (local.get $at))))))
          (local.set $row0 (i32.add (local.get $row0) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $step (i32.lt_u (local.get $row0) (local.get $stop))))
        (i32.store (local.get $out) (call $across (local.get $sum0)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (br $next))))

  ;; out[i] = number of bits in which code list[i] differs from the query's. A code is `stride` bytes.
  (func (export "differences")
    (param $rows i32) (param $list i32) (param $count i32) (param $stride i32) (param $query i32) (param $out i32)
    (local $end i32) (local $row i32) (local $stop i32) (local $at i32) (local $sum v128)
    (local.set $end (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $row
          (i32.add (local.get $rows) (i32.mul (i32.load (local.get $list)) (local.get $stride))))
        (local.set $stop (i32.add (local.get $row) (local.get $stride)))
        (local.set $at (local.get $query))
        (local.set $sum (v128.const i64x2 0 0))
        (loop $step
          (local.set $sum
            (i32x4.add (local.get $sum)
              (i32x4.extadd_pairwise_i16x8_u
                (i16x8.extadd_pairwise_i8x16_u
                  (i8x16.popcnt
                    (v128.xor (v128.load (local.get $row)) (v128.load (local.get $at))))))))
          (local.set $row (i32.add (local.get $row) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $step (i32.lt_u (local.get $row) (local.get $stop))))
        (i32.store (local.get $out) (call $across (local.get $sum)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (br $next)))))
