;; Rows times a matrix, four numbers at a time: the one piece of arithmetic that takes long.
;; scripts/build_kernel.py makes kernel.js of it.
(module
  (import "engine" "memory" (memory 1))

  ;; out = x W for n >= 1 rows. x is (n, d) and out (n, e). Of W, (d, e), the columns stand one
  ;; after the other. d and e divide by 4. x, W and out are addresses, counted in bytes.
  (func (export "project")
    (param $x i32) (param $W i32) (param $out i32) (param $n i32) (param $d i32) (param $e i32)
    (local $length i32) (local $W1 i32) (local $W2 i32) (local $W3 i32)
    (local $i i32) (local $j i32) (local $k i32) (local $row i32) (local $four v128)
    (local $a v128) (local $b v128) (local $c v128) (local $f v128)
    (local.set $length (i32.mul (local.get $d) (i32.const 4))) ;; bytes of a row, and of a column

    ;; Four columns at once: what is read of x serves all four.
    (loop $columns
      (local.set $W1 (i32.add (local.get $W) (local.get $length)))
      (local.set $W2 (i32.add (local.get $W1) (local.get $length)))
      (local.set $W3 (i32.add (local.get $W2) (local.get $length)))
      (local.set $i (i32.const 0))
      (local.set $row (local.get $x))

      (loop $rows
        ;; Each of a, b, c and f gathers one dot product in four parts.
        (local.set $a (v128.const f32x4 0 0 0 0))
        (local.set $b (v128.const f32x4 0 0 0 0))
        (local.set $c (v128.const f32x4 0 0 0 0))
        (local.set $f (v128.const f32x4 0 0 0 0))
        (local.set $k (i32.const 0))
        (loop $numbers
          (local.set $four (v128.load (i32.add (local.get $row) (local.get $k))))
          (local.set $a (f32x4.add (local.get $a)
            (f32x4.mul (local.get $four) (v128.load (i32.add (local.get $W) (local.get $k))))))
          (local.set $b (f32x4.add (local.get $b)
            (f32x4.mul (local.get $four) (v128.load (i32.add (local.get $W1) (local.get $k))))))
          (local.set $c (f32x4.add (local.get $c)
            (f32x4.mul (local.get $four) (v128.load (i32.add (local.get $W2) (local.get $k))))))
          (local.set $f (f32x4.add (local.get $f)
            (f32x4.mul (local.get $four) (v128.load (i32.add (local.get $W3) (local.get $k))))))
          (local.set $k (i32.add (local.get $k) (i32.const 16)))
          (br_if $numbers (i32.lt_u (local.get $k) (local.get $length))))

        ;; Turn a and b so that parts which belong together meet, and add; c and f likewise.
        (local.set $a (f32x4.add
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
            (local.get $a) (local.get $b))
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
            (local.get $a) (local.get $b))))
        (local.set $c (f32x4.add
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
            (local.get $c) (local.get $f))
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
            (local.get $c) (local.get $f))))
        ;; The same once more gives the four sums side by side, as they lie in out.
        (v128.store
          (i32.add (local.get $out) (i32.mul (i32.const 4)
            (i32.add (i32.mul (local.get $i) (local.get $e)) (local.get $j))))
          (f32x4.add
            (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
              (local.get $a) (local.get $c))
            (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
              (local.get $a) (local.get $c))))
        (local.set $row (i32.add (local.get $row) (local.get $length)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $rows (i32.lt_u (local.get $i) (local.get $n))))

      (local.set $W (i32.add (local.get $W3) (local.get $length)))
      (local.set $j (i32.add (local.get $j) (i32.const 4)))
      (br_if $columns (i32.lt_u (local.get $j) (local.get $e))))))
