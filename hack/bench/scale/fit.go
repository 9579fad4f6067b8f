// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"math"
)

// sample is one measurement as a fit sees it: what was there, a factor for each coefficient, and
// what came of it.
type sample struct {
	name    string
	factors []float64
	value   float64
	doubt   float64 // how far off the value may be by how it was read
}

// trust is by how much a value can be relied on apart from its doubt: the machine does other things
// too.
const trust = 0.05

func (s sample) weight() float64 {
	usual := trust * s.value
	return 1 / (usual*usual + s.doubt*s.doubt)
}

// estimate is what a model with these coefficients says of a sample.
func (s sample) estimate(coefficients []float64) float64 {
	sum := 0.0
	for i, f := range s.factors {
		sum += f * coefficients[i]
	}
	return sum
}

var errUndetermined = errors.New("the measurements do not tell the coefficients apart; all suites of the group scale are needed")

// fit finds coefficients that are not negative, for which the squares of errors are least, each by
// its sample's weight. What would be negative is left out, as 0: nothing here can cost less than
// nothing.
func fit(samples []sample) ([]float64, error) {
	if len(samples) == 0 {
		return nil, errUndetermined
	}
	var active []int
	for i := range samples[0].factors {
		active = append(active, i)
	}
	for {
		solution, err := leastSquares(samples, active)
		if err != nil {
			return nil, err
		}
		worst := 0
		for i, x := range solution {
			if x < solution[worst] {
				worst = i
			}
		}
		if solution[worst] >= 0 {
			all := make([]float64, len(samples[0].factors))
			for i, x := range solution {
				all[active[i]] = x
			}
			return all, nil
		}
		if active = append(active[:worst:worst], active[worst+1:]...); len(active) == 0 {
			return nil, errUndetermined
		}
	}
}

// leastSquares solves the normal equations for some of the coefficients.
func leastSquares(samples []sample, active []int) ([]float64, error) {
	n := len(active)
	rows := make([][]float64, n) // the matrix, and the right side in the last column
	for i := range rows {
		rows[i] = make([]float64, n+1)
		for _, s := range samples {
			weight := s.weight()
			for j, column := range active {
				rows[i][j] += weight * s.factors[active[i]] * s.factors[column]
			}
			rows[i][n] += weight * s.factors[active[i]] * s.value
		}
	}
	return solve(rows)
}

// solve is Gauss's elimination with pivots.
func solve(rows [][]float64) ([]float64, error) {
	n := len(rows)
	for i := range n {
		pivot := i
		for j := i + 1; j < n; j++ {
			if math.Abs(rows[j][i]) > math.Abs(rows[pivot][i]) {
				pivot = j
			}
		}
		rows[i], rows[pivot] = rows[pivot], rows[i]
		if math.Abs(rows[i][i]) < 1e-12 {
			return nil, errUndetermined
		}
		for j := range n {
			if j == i {
				continue
			}
			factor := rows[j][i] / rows[i][i]
			for k := i; k <= n; k++ {
				rows[j][k] -= factor * rows[i][k]
			}
		}
	}
	solution := make([]float64, n)
	for i := range n {
		solution[i] = rows[i][n] / rows[i][i]
	}
	return solution, nil
}
