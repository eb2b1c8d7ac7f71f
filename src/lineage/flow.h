/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  What flows through an expression, and what it shows on the way.
 *
 * The walker tells, for one expression, from which *origins* (numbers given
 * by the caller, such as "column 3 of that scan") its value is made, and calls
 * back for origins that reach a function that may show them.  Two ways lead
 * there: as an argument, or by deciding whether the function runs at all
 * (WHERE diagnosis = 'x' AND tell(name) shows diagnoses).  The second way is
 * the "control" of an evaluation: origins on which it depends that the
 * expression is evaluated for this row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_FLOW_H
#define DSEC_FLOW_H

#include "nodes/bitmapset.h"
#include "nodes/primnodes.h"

typedef struct DsecFlow DsecFlow;

struct DsecFlow
{
	/* origins of a Var */
	Bitmapset  *(*var) (DsecFlow *flow, Var *var);

	/* origins of a PARAM_EXEC Param; NULL when there are none */
	Bitmapset  *(*param) (DsecFlow *flow, Param *param);

	/*
	 * Is the PARAM_EXEC Param the result of a subquery that fails when it has
	 * several rows?  NULL: it might.
	 */
	bool		(*fails) (DsecFlow *flow, Param *param);

	/* origins of a SubPlan's result; NULL when none can occur */
	Bitmapset  *(*subplan) (DsecFlow *flow, SubPlan *subplan,
							Bitmapset *control);

	/* these origins may show; never called with an empty set */
	void		(*show) (DsecFlow *flow, Bitmapset *origins);

	/*
	 * Origins of a PARAM_EXTERN Param, or of a Const, which may have been one;
	 * NULL when there are none.
	 */
	Bitmapset  *(*external) (DsecFlow *flow, Node *value);

	/*
	 * The function is called, under "control", with arguments made of these
	 * origins; NULL when nobody cares.
	 */
	void		(*call) (DsecFlow *flow, Oid function, Bitmapset *arguments,
						 Bitmapset *control);

	/*
	 * The arguments of calls of this function that dsec itself made (see
	 * groups.h) do not matter; or InvalidOid.
	 */
	Oid			exempt;

	/* private: values of CaseTestExpr and CoerceToDomainValue */
	Bitmapset  *casetest;
	Bitmapset  *domainvalue;
};

/*
 * Origins of the value of an expression or of a List (of expressions or
 * TargetEntries) that is evaluated under "control".  Sets passed in and out
 * are never changed, and may be shared.
 */
extern Bitmapset *dsec_flow_expr(DsecFlow *flow, Node *expr,
								 Bitmapset *control);

/*
 * The same for a list of implicitly ANDed quals, where what one qual reads
 * decides whether the next is evaluated.
 */
extern Bitmapset *dsec_flow_quals(DsecFlow *flow, List *quals,
								  Bitmapset *control);

#endif							/* DSEC_FLOW_H */
